"""The order of waiting jobs: class, then a score of fair place, own wait, and what the person's jobs of late waited.

Waits are counted in doublings: a job that has waited as long as its limit is one doubling (of the time that it takes)
before the same job when it came. So short jobs come forward sooner, and long ones in time. The last fair place is
`fair_place_doublings` behind the first.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
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
    by_class = sorted(waiting, key=lambda job: (job.job_class, keys[job.id]))
    return [
        job
        for _, of_class in groupby(by_class, key=attrgetter("job_class"))
        for job in _oldest_in_time(list(of_class), gpus, now, weights)
    ]


def sort_keys(
    jobs: Sequence[WaitingJob], standings: Mapping[Person, Standing], now: float, weights: Weights
) -> dict[str, SortKey]:
    """Score, age and id of each job, the lowest first; what own priority holds back has its holder's, and a number."""
    slowdowns = {job.id: slowdown_until(job, now) for job in jobs}
    persons = _person_scores(jobs, slowdowns, standings, weights)
    own = 1.0 - weights.person_share
    keys = {
        job.id: (persons[job.person] - own * math.log2(slowdowns[job.id]), job.queued_at, job.id, 0) for job in jobs
    }
    _hold_back_lesser(jobs, keys)
    return keys


def slowdown_until(job: WaitingJob, now: float) -> float:
    """Slowdown of a job that starts now: wait and limit over the limit. A clock that went back is no wait."""
    limit = max(job.limit_seconds, _SHORTEST_LIMIT_SECONDS)
    return (max(now - job.queued_at, 0.0) + limit) / limit


def _person_scores(
    jobs: Sequence[WaitingJob], slowdowns: Mapping[str, float], standings: Mapping[Person, Standing], weights: Weights
) -> dict[Person, float]:
    """Score that all jobs of a person share: the fair place, and the mean slowdown of those that ended or wait."""
    waiting: dict[Person, list[float]] = defaultdict(list)
    for job in jobs:
        waiting[job.person].append(slowdowns[job.id])
    scores = {}
    for person, its in waiting.items():
        standing = standings.get(person, _UNKNOWN)
        mean = (standing.past_slowdowns + math.fsum(its)) / (standing.past_jobs + len(its))
        scores[person] = (
            weights.team_place_doublings * standing.team_place
            + weights.fair_place_doublings * standing.fair_place
            - weights.person_share * math.log2(mean)
        )
    return scores


def _hold_back_lesser(jobs: Sequence[WaitingJob], keys: dict[str, SortKey]) -> None:
    """A job comes after its person's jobs of higher priority. These come no sooner by it: nobody else waits longer."""
    people: dict[tuple[Person, JobClass], list[WaitingJob]] = defaultdict(list)
    for job in jobs if any(job.priority != jobs[0].priority for job in jobs) else ():
        people[job.person, job.job_class].append(job)
    for its in people.values():
        _hold_back(sorted(its, key=lambda job: (-job.priority, keys[job.id])), keys)


def _hold_back(by_priority: Sequence[WaitingJob], keys: dict[str, SortKey]) -> None:
    last: SortKey | None = None  # of those of higher priority
    number = 0
    for _, equal_jobs in groupby(by_priority, key=attrgetter("priority")):
        its = list(equal_jobs)
        for job in its:
            number += 1
            if last is not None and keys[job.id] < last:
                keys[job.id] = (*last[:3], number)
        latest = max(keys[job.id] for job in its)
        last = latest if last is None else max(last, latest)


def _oldest_in_time(of_class: list[WaitingJob], gpus: int, now: float, weights: Weights) -> list[WaitingJob]:
    """The oldest goes first when it has waited too long: at first before all but short jobs that waited long, too.

    These wait a while, so that a machine that was emptied for one wide job takes the next wide ones before it fills up.
    """
    oldest = min(of_class, key=lambda job: (job.queued_at, job.id))
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
