"""Admission: which waiting jobs the limits let start, in their order, and what holds the others back. Pure.

A job that is held back is passed by those behind it that no limit holds. One that has waited too long at a limit has a
reservation of it (tuning.queue.limits.reservations): from then on it is passed only by jobs that do not delay it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tuning.queue.limits.limit import (
    NO_USE,
    Account,
    Bound,
    Holder,
    LimitedJob,
    LimitKind,
    Limits,
    Place,
    Tally,
    Use,
    Uses,
    demand,
    is_exceeded,
    soonest_first,
)
from tuning.queue.limits.reservations import LimitReservation

_ENDS_WITH_THE_JOB = frozenset({LimitKind.RUNNING_JOBS, LimitKind.GPUS})


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A waiting job that may not start, the limit that holds it, and the use of that."""

    job_id: str
    bound: Bound
    use: Use
    needs: float
    """What the job would add."""
    is_behind: bool = False
    """It fits, but would delay a job that has waited for longer at the limit."""

    @property
    def frees_at(self) -> datetime | None:
        """Time at which, by the expected ends, the job fits; None where that is not known."""
        kind, missing = self.bound.limit.kind, self.use.amount + self.needs - self.bound.limit.amount
        if self.needs > self.bound.limit.amount or self.is_behind:
            return None
        ends = ((holder.expected_end_at, holder.amount) for holder in self.use.held_by)
        for at, amount in ends if kind in _ENDS_WITH_THE_JOB else self.use.leaves:
            missing -= amount
            if missing <= 0:
                return at
        return None


@dataclass(frozen=True, slots=True)
class Admission:
    """Waiting jobs after a look at the limits: those that may start, in their order, and the others by id."""

    starting: tuple[str, ...]
    held: Mapping[str, HeldBack]


def admitted(
    jobs: Sequence[LimitedJob],
    limits: Limits,
    uses: Uses,
    reservations: Mapping[Account, LimitReservation] | None = None,
) -> Admission:
    """The jobs, in their order, that may start beside what is used: each counts for those behind it."""
    look = _Look(limits, uses, reservations or {})
    starting = tuple(job.id for job in jobs if look.lets_in(job))
    return Admission(starting, look.held())


def never_fits(job: LimitedJob, limits: Limits) -> list[HeldBack]:
    """The limits that the job would exceed if nothing else were there at all."""
    return [
        HeldBack(job.id, bound, NO_USE, _needs(bound, job))
        for bound in limits.of(job.place)
        if is_exceeded(bound, 0.0, job)
    ]


def exceeded_by(kind: LimitKind, more: Tally, limits: Limits, uses: Uses) -> list[HeldBack]:
    """The limits of a kind that so much more at a place would exceed: another queued job, the bytes of a file."""
    bounds = [bound for bound in limits.of(more.place) if bound.limit.kind is kind]
    found = [HeldBack("", bound, uses.get(bound.account, NO_USE), more.amount) for bound in bounds]
    return [held for held in found if held.use.amount + more.amount > held.bound.limit.amount]


class _Look:
    """A look at waiting jobs in their order: the amounts that are used, with those let in, and the jobs held back."""

    def __init__(self, limits: Limits, uses: Uses, reservations: Mapping[Account, LimitReservation]) -> None:
        self._limits, self._uses, self._reservations = limits, uses, reservations
        self._amounts = {account: use.amount for account, use in uses.items()}
        self._spare = {account: its.spare for account, its in reservations.items()}
        self._added: dict[Account, list[Holder]] = {}
        self._refused: list[tuple[LimitedJob, Bound, bool]] = []
        self._full_for: dict[tuple[Place, int, float], tuple[Bound, bool]] = {}
        """What was too much for a job is so for those like it behind it."""
        self._reserving = {its.job_id for its in reservations.values()}

    def lets_in(self, job: LimitedJob) -> bool:
        """Whether the job may start; it counts for those behind it then."""
        shape = (job.place, job.gpus, job.limit_seconds)
        full = self._full_for.get(shape) if job.id not in self._reserving else None
        if full is None:
            full = self._full(job)
        if full is None:
            self._add(job)
            return True
        if job.id not in self._reserving:
            self._full_for[shape] = full
        self._refused.append((job, *full))
        return False

    def held(self) -> dict[str, HeldBack]:
        """The jobs held back so far, with the use of what holds them at the end of the look."""
        after = {
            bound.account: _with(self._uses.get(bound.account, NO_USE), self._added.get(bound.account, ()))
            for _, bound, _ in self._refused
        }
        return {
            job.id: HeldBack(job.id, bound, after[bound.account], _needs(bound, job), is_behind)
            for job, bound, is_behind in self._refused
        }

    def _full(self, job: LimitedJob) -> tuple[Bound, bool] | None:
        """The first limit that the job would exceed, or of which it would delay a reservation (true)."""
        bounds = self._limits.of(job.place)
        exceeded = next((b for b in bounds if is_exceeded(b, self._amounts.get(b.account, 0.0), job)), None)
        if exceeded is not None:
            return exceeded, False
        if not self._reservations:
            return None
        delayed = next((b for b in bounds if self._would_delay(b, job)), None)
        return (delayed, True) if delayed is not None else None

    def _would_delay(self, bound: Bound, job: LimitedJob) -> bool:
        reservation = self._reservations.get(bound.account)
        if reservation is None or not reservation.binds(job):
            return False
        return demand(bound.limit.kind, job) > self._spare[bound.account]

    def _add(self, job: LimitedJob) -> None:
        for bound in self._limits.of(job.place):
            account = bound.account
            if amount := demand(bound.limit.kind, job):
                self._amounts[account] = self._amounts.get(account, 0.0) + amount
                self._added.setdefault(account, []).append(Holder(job, amount))
                if account in self._reservations and self._reservations[account].binds(job):
                    self._spare[account] -= amount


def _needs(bound: Bound, job: LimitedJob) -> float:
    return job.limit_seconds if bound.limit.kind is LimitKind.TIME_LIMIT else demand(bound.limit.kind, job)


def _with(use: Use, added: Sequence[Holder]) -> Use:
    if not added:
        return use
    held_by = soonest_first((*use.held_by, *added))
    return Use(use.amount + sum(holder.amount for holder in added), held_by, use.leaves)
