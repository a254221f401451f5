"""The order of waiting jobs: class, then a score of fair place, own wait, and what the person's jobs of late waited.

Waits are counted in doublings: a job that has waited as long as its limit is one doubling (of the time that it takes)
before the same job when it came. So short jobs come forward sooner, and long ones in time. The last fair place is
`fair_place_doublings` behind the first.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter

from tuning.errors import Finding, InvalidInput
from tuning.queue.waiting_job import JobClass, Person, WaitingJob

_HOUR_SECONDS = 3600.0
_DAY_SECONDS = 86400.0
_SHORTEST_LIMIT_SECONDS = 60.0
SortKey = tuple[float, float, str, int]


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the order; docs/benchmarks.md has the simulations that chose them."""

    half_life_seconds: float = 7 * _DAY_SECONDS
    team_place_doublings: float = 4.0
    """By which the last team is behind the first."""
    fair_place_doublings: float = 0.5
    """By which the last person is behind the first."""
    person_share: float = 0.75
    """Of the waits of the person's jobs of late; the rest is the job's own."""
    overdue_seconds: float = 7 * _DAY_SECONDS
    """The oldest job that waited so long comes first, after short ones; from twice the time on before these, too."""
    soonest_overdue_seconds: float = 12 * _HOUR_SECONDS
    """It may come sooner, where little waits: from this time on ..."""
    backlog_share: float = 1.0
    """... and so many times the time that all GPUs need for what waits, by time limits."""
    short_limit_seconds: float = _HOUR_SECONDS
    passing_slowdown: float = 16.0
    """So far must a short job be slowed down before it passes the oldest one."""

    def __post_init__(self) -> None:
        """Raises InvalidInput for a weight that cannot be."""
        findings = [
            Finding((name,), f"{name} is {value:g}: it must be 0 or more", "the defaults are in docs/benchmarks.md")
            for name, value in asdict(self).items()
            if not value >= 0
        ]
        if self.person_share > 1:
            findings.append(Finding(("person_share",), f"person_share is {self.person_share:g}: it is a part of 1"))
        if findings:
            raise InvalidInput(findings)


@dataclass(frozen=True, slots=True)
class Standing:
    """Use and waits of a person so far, beside the jobs that wait."""

    team_place: float = 0.0
    """Of the person's team: from 0, the first, to 1, the last."""
    fair_place: float = 0.0
    """Of the person, likewise."""
    past_slowdowns: float = 0.0
    """Sum over the jobs that ended of late, decayed as use is."""
    past_jobs: float = 0.0
    """Their number, decayed likewise."""


def ordered(
    jobs: Iterable[WaitingJob], standings: Mapping[Person, Standing], gpus: int, now: float, weights: Weights
) -> list[WaitingJob]:
    """The jobs in the order in which they should start on a cluster of so many GPUs; equal ones by age, then by id."""
    waiting = tuple(jobs)
    keys = sort_keys(waiting, standings, now, weights)
    classes: dict[JobClass, list[WaitingJob]] = defaultdict(list)
    for job in waiting:
        classes[job.job_class].append(job)
    return [
        job
        for job_class in sorted(classes)
        for job in _oldest_in_time(sorted(classes[job_class], key=lambda job: keys[job.id]), gpus, now, weights)
    ]


def sort_keys(
    jobs: Sequence[WaitingJob], standings: Mapping[Person, Standing], now: float, weights: Weights
) -> dict[str, SortKey]:
    """Score, age and id of each job, the lowest first; what own priority holds back has its holder's, and a number."""
    people: dict[Person, list[WaitingJob]] = defaultdict(list)
    for job in jobs:
        people[job.person].append(job)
    own, log2 = 1.0 - weights.person_share, math.log2
    keys: dict[str, SortKey] = {}
    for person, its in people.items():
        slowdowns = [slowdown_until(job, now) for job in its]
        score = _person_score(standings.get(person, _UNKNOWN), slowdowns, weights)
        for (job_id, _, _, _, queued_at, *_), slowdown in zip(its, slowdowns, strict=True):
            keys[job_id] = (score - own * log2(slowdown), queued_at, job_id, 0)
        if len({job.priority for job in its}) > 1:
            _hold_back_lesser(its, keys)
    return keys


def slowdown_until(job: WaitingJob, now: float) -> float:
    """Slowdown of a job that starts now: wait and limit over the limit. A clock that went back is no wait."""
    limit, waited = max(job.limit_seconds, _SHORTEST_LIMIT_SECONDS), now - job.queued_at
    return (waited + limit) / limit if waited > 0 else 1.0


def _person_score(standing: Standing, slowdowns: Sequence[float], weights: Weights) -> float:
    """Score that all jobs of a person share: the fair place, and the mean slowdown of those that ended or wait."""
    mean = (standing.past_slowdowns + math.fsum(slowdowns)) / (standing.past_jobs + len(slowdowns))
    return (
        weights.team_place_doublings * standing.team_place
        + weights.fair_place_doublings * standing.fair_place
        - weights.person_share * math.log2(mean)
    )


def _hold_back_lesser(own: Iterable[WaitingJob], keys: dict[str, SortKey]) -> None:
    """A job comes after its person's jobs of higher priority. These come no sooner by it: nobody else waits longer."""
    levels: dict[tuple[JobClass, int], list[SortKey]] = {}
    for job in own:
        levels.setdefault((job.job_class, -job.priority), []).append(keys[job.id])
    of_class, before, last = None, 0, _FIRST
    for level in sorted(levels):
        its = sorted(levels[level])
        if level[0] is not of_class:
            of_class, before, last = level[0], 0, _FIRST
        _hold_back(its, last, before, keys)
        before += len(its)
        last = max(last, keys[its[-1][2]])


def _hold_back(level: Iterable[SortKey], last: SortKey, before: int, keys: dict[str, SortKey]) -> None:
    """Those of a level that would come before the last of a higher one come right after it, numbered on."""
    for number, key in enumerate(level, before + 1):
        if key >= last:
            break
        keys[key[2]] = (*last[:3], number)


def _oldest_in_time(of_class: list[WaitingJob], gpus: int, now: float, weights: Weights) -> list[WaitingJob]:
    """The oldest goes first when it has waited too long: at first before all but short jobs that waited long, too.

    These wait a while, so that a machine that was emptied for one wide job takes the next wide ones before it fills up.
    """
    oldest = min(of_class, key=attrgetter("queued_at", "id"))
    waited = now - oldest.queued_at
    if waited < _overdue_seconds(of_class, gpus, weights):
        return of_class
    others = [job for job in of_class if job is not oldest]
    if waited >= 2 * weights.overdue_seconds:
        return [oldest, *others]
    passing = [job for job in others if _may_pass(job, now, weights)]
    passing_ids = {job.id for job in passing}
    return [*passing, oldest, *(job for job in others if job.id not in passing_ids)]


def _overdue_seconds(of_class: Iterable[WaitingJob], gpus: int, weights: Weights) -> float:
    backlog_seconds = sum(job.gpus * job.limit_seconds for job in of_class) / max(gpus, 1)
    return min(weights.overdue_seconds, weights.soonest_overdue_seconds + weights.backlog_share * backlog_seconds)


def _may_pass(job: WaitingJob, now: float, weights: Weights) -> bool:
    return job.limit_seconds <= weights.short_limit_seconds and slowdown_until(job, now) >= weights.passing_slowdown


_UNKNOWN = Standing()
_FIRST: SortKey = (-math.inf, 0.0, "", 0)
