"""Reservations at limits: a job that has waited too long at a limit is passed there no more. Pure.

At a limit of GPUs or of their hours small jobs pass a large one for as long as there are some. So the oldest job under
a limit gets a reservation once it is overdue, as in the order of the queue: at the earliest time that enough of the
limit comes free by the time limits of what runs. Others under the limit pass if they end before, or leave it its part.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tuning.queue.limits.limit import (
    NO_USE,
    Account,
    Bound,
    LimitedJob,
    LimitKind,
    Limits,
    Use,
    Uses,
    demand,
    is_exceeded,
)
from tuning.queue.order import Weights
from tuning.queue.waiting_job import JobClass

_HOURS_COUNT_SECONDS = 30 * 86400.0
_Rank = tuple[JobClass, float, str]


@dataclass(frozen=True, slots=True)
class LimitReservation:
    """Reservation of a part of a limit for the oldest job under it."""

    job_id: str
    job_class: JobClass
    made_at: float
    starts_by: float
    """Infinite where nobody can tell."""
    spare: float
    """So much of the limit the job does not need then."""

    def binds(self, job: LimitedJob) -> bool:
        """Whether another job may take no more than what is spare: it comes later, and would still run by then."""
        if job.id == self.job_id or job_class_of(job) < self.job_class:
            return False
        return math.isinf(self.starts_by) or self.made_at + job.limit_seconds > self.starts_by


def reservations(
    jobs: Iterable[LimitedJob], limits: Limits, uses: Uses, now: datetime, weights: Weights
) -> dict[Account, LimitReservation]:
    """The reservations at limits under which a job is overdue, by account; mostly there is none.

    A job that no end of others lets start has none: more than a limit allows, or results that lie on the cluster.
    """
    waiting, at = tuple(jobs), now.timestamp()
    oldest = _oldest(waiting, limits, uses, at - weights.soonest_overdue_seconds)
    if not oldest:
        return {}
    backlogs = _backlogs(waiting, limits, oldest.keys())
    return {
        bound.account: _reserved(job, bound, uses.get(bound.account, NO_USE), at)
        for bound, job in oldest.values()
        if at - _queued_at(job) >= _overdue_seconds(backlogs[bound.account], bound, weights)
    }


def job_class_of(job: LimitedJob) -> JobClass:
    """The class of a job, by the word of its place."""
    return _CLASSES.get(job.place.job_class, JobClass.NORMAL)


def _oldest(
    waiting: Iterable[LimitedJob], limits: Limits, uses: Uses, before: float
) -> dict[Account, tuple[Bound, LimitedJob]]:
    """By account the first of those that wait since before a moment: by class, then age."""
    found: dict[Account, tuple[Bound, LimitedJob]] = {}
    for job in sorted((each for each in waiting if _queued_at(each) <= before), key=_rank):
        bounds = limits.of(job.place)
        new = [bound for bound in bounds if bound.account not in found and demand(bound.limit.kind, job)]
        if new and not any(_stays_exceeded(bound, uses, job) for bound in bounds):
            found |= {bound.account: (bound, job) for bound in new}
    return found


def _backlogs(waiting: Iterable[LimitedJob], limits: Limits, wanted: Iterable[Account]) -> Mapping[Account, float]:
    """Backlog of each account: amounts that wait, by the seconds for which they are held."""
    accounts = frozenset(wanted)
    sums: dict[Account, float] = defaultdict(float)
    for job in waiting:
        for bound in limits.of(job.place):
            if bound.account in accounts:
                sums[bound.account] += demand(bound.limit.kind, job) * _held_seconds(bound, job)
    return sums


def _overdue_seconds(backlog: float, bound: Bound, weights: Weights) -> float:
    """As in the order: a while, and the time that the limit needs for what waits under it; so long at most."""
    backlog_seconds = backlog / bound.limit.amount
    soonest = weights.soonest_overdue_seconds + weights.backlog_share * backlog_seconds
    return min(weights.overdue_seconds, soonest)


def _reserved(job: LimitedJob, bound: Bound, use: Use, now: float) -> LimitReservation:
    free, starts_by = bound.limit.amount - use.amount - demand(bound.limit.kind, job), now
    for ends_by, amount in _ends(bound, use):
        if free >= 0 and ends_by > starts_by:
            break
        free, starts_by = free + amount, max(ends_by, now)
    if free < 0 or math.isinf(starts_by):
        free, starts_by = 0.0, math.inf
    return LimitReservation(job.id, job_class_of(job), now, starts_by, free)


def _ends(bound: Bound, use: Use) -> list[tuple[float, float]]:
    """Times by which parts of a limit come free, with the parts; of hours that have been used nothing is known."""
    if bound.limit.kind is LimitKind.GPU_HOURS:
        return []
    ends = ((holder.job.ends_by, holder.amount) for holder in use.held_by)
    return sorted((ends_by.timestamp() if ends_by is not None else math.inf, amount) for ends_by, amount in ends)


def _held_seconds(bound: Bound, job: LimitedJob) -> float:
    return _HOURS_COUNT_SECONDS if bound.limit.kind is LimitKind.GPU_HOURS else job.limit_seconds


def _stays_exceeded(bound: Bound, uses: Uses, job: LimitedJob) -> bool:
    in_use = uses.get(bound.account, NO_USE).amount if bound.limit.kind is LimitKind.RESULT_BYTES else 0.0
    return is_exceeded(bound, in_use, job)


def _queued_at(job: LimitedJob) -> float:
    return job.queued_at.timestamp() if job.queued_at is not None else math.inf


def _rank(job: LimitedJob) -> _Rank:
    return job_class_of(job), _queued_at(job), job.id


_CLASSES = {job_class.name.lower(): job_class for job_class in JobClass}
