"""Limits of users, teams and everybody together: which waiting jobs may start, and what holds the others back.

A job counts from its claim to its confirmed end. It counts with its whole time limit where hours of GPUs are limited:
so these are not exceeded either, however long it runs.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

EACH = "*"
"""The subject of a limit that holds for each user (or team) without such a limit of their own."""
MOST_HOLDERS = 20
"""Jobs that are told of as those that use up a limit."""


class LimitKind(StrEnum):
    """Kind of a limit: the thing that is counted."""

    RUNNING_JOBS = "running_jobs"
    GPUS = "gpus"
    QUEUED_JOBS = "queued_jobs"
    GPU_HOURS = "gpu_hours_30_days"
    TIME_LIMIT = "time_limit_seconds"
    DATASET_BYTES = "dataset_bytes"
    RESULT_BYTES = "result_bytes"


class SubjectKind(StrEnum):
    """Kind of a limit's subject: those who share it."""

    USER = "user"
    TEAM = "team"
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as it was set; empty = wherever, in whichever partition and class."""

    id: str
    subject_kind: SubjectKind
    subject: str
    """Name of a user or team, `*` = each, empty = everybody together."""
    kind: LimitKind
    amount: float
    cluster: str = ""
    partition: str = ""
    job_class: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Place of a job, or of what it left, among people and clusters; empty = it has none."""

    user: str
    team: str
    cluster: str = ""
    partition: str = ""
    """As asked of Slurm; of several with commas it counts in each."""
    job_class: str = ""


@dataclass(frozen=True, slots=True)
class LimitedJob:
    """A job as limits see it."""

    id: str
    place: Place
    gpus: int
    limit_seconds: float
    """Its time limit."""
    expected_end_at: datetime | None = None
    """Of a job that runs."""


@dataclass(frozen=True, slots=True)
class Tally:
    """An amount used at a place by nothing that runs: hours of ended jobs, bytes, waiting jobs."""

    place: Place
    amount: float


@dataclass(frozen=True, slots=True)
class Holder:
    """A job that uses a part of a limit."""

    job_id: str
    amount: float
    expected_end_at: datetime | None


@dataclass(frozen=True, slots=True)
class Use:
    """Use of a limit by its subject: the amount, and the jobs that are a part of it."""

    amount: float = 0.0
    held_by: tuple[Holder, ...] = ()
    """Those that end first are first."""


class Bound(NamedTuple):
    """A limit as it binds a user, a team, or everybody (empty)."""

    limit: Limit
    subject: str

    @property
    def account(self) -> "Account":
        """By this the use of a limit that holds for each is told apart."""
        return self.limit.id, self.subject


Account = tuple[str, str]
Uses = Mapping[Account, Use]
NO_USE = Use()


class Limits:
    """All limits, by their subjects: however many there are, a job is compared with its own."""

    def __init__(self, limits: Iterable[Limit] = ()) -> None:
        self.all = tuple(limits)
        self._by_subject: dict[tuple[SubjectKind, str], list[Limit]] = {}
        for limit in self.all:
            self._by_subject.setdefault((limit.subject_kind, limit.subject), []).append(limit)
        self._bounds: dict[Place, tuple[Bound, ...]] = {}

    def kinds(self) -> frozenset[LimitKind]:
        """The kinds of which there is a limit at all."""
        return frozenset(limit.kind for limit in self.all)

    def of(self, place: Place) -> tuple[Bound, ...]:
        """The limits that bind at a place. A subject's own limit replaces the one for each with the same narrowing."""
        if place not in self._bounds:
            self._bounds[place] = tuple(self._binding(place))
        return self._bounds[place]

    def _binding(self, place: Place) -> Iterator[Bound]:
        subjects = ((SubjectKind.USER, place.user), (SubjectKind.TEAM, place.team), (SubjectKind.EVERYBODY, ""))
        for kind, name in subjects:
            own = self._by_subject.get((kind, name), [])
            replaced = {_narrowing(limit) for limit in own}
            for_each = self._by_subject.get((kind, EACH), [])
            others = [limit for limit in for_each if _narrowing(limit) not in replaced]
            yield from (Bound(limit, name) for limit in (*own, *others) if _is_within(place, limit))


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A waiting job that may not start, the limit that holds it, and the use of that."""

    job_id: str
    bound: Bound
    use: Use
    needs: float
    """What the job would add."""

    @property
    def frees_at(self) -> datetime | None:
        """Time at which, by the expected ends, the job fits; None where that is not known."""
        missing = self.use.amount + self.needs - self.bound.limit.amount
        if self.bound.limit.kind not in _ENDS_WITH_THE_JOB or self.needs > self.bound.limit.amount:
            return None
        for holder in self.use.held_by:
            missing -= holder.amount
            if missing <= 0:
                return holder.expected_end_at
        return None


@dataclass(frozen=True, slots=True)
class Admission:
    """Waiting jobs after a look at the limits: those that may start, in their order, and the others by id."""

    starting: tuple[str, ...]
    held: Mapping[str, HeldBack]


def uses_of(
    limits: Limits, live: Iterable[LimitedJob], tallies: Mapping[LimitKind, Iterable[Tally]]
) -> dict[Account, Use]:
    """The use of each limit, by all jobs that are claimed, pending or running, and by what else is counted."""
    amounts: dict[Account, float] = {}
    holders: dict[Account, list[Holder]] = {}
    for job in live:
        for bound in limits.of(job.place):
            if amount := _demand(bound.limit.kind, job):
                amounts[bound.account] = amounts.get(bound.account, 0.0) + amount
                holders.setdefault(bound.account, []).append(Holder(job.id, amount, job.expected_end_at))
    for kind, counted in tallies.items():
        for tally in counted:
            for bound in limits.of(tally.place):
                if bound.limit.kind is kind:
                    amounts[bound.account] = amounts.get(bound.account, 0.0) + tally.amount
    return {account: Use(amount, _soonest_first(holders.get(account, ()))) for account, amount in amounts.items()}


def admitted(jobs: Sequence[LimitedJob], limits: Limits, uses: Uses) -> Admission:
    """The jobs, in their order, that may start beside what is used: each counts for those behind it.

    One that is held back is passed by those behind it that no limit holds.
    """
    amounts = {account: use.amount for account, use in uses.items()}
    added: dict[Account, list[Holder]] = {}
    starting: list[str] = []
    refused: list[tuple[LimitedJob, Bound]] = []
    full_for: dict[tuple[Place, int, float], Bound] = {}  # what was too much for a job is so for those behind it
    for job in jobs:
        bounds, shape = limits.of(job.place), (job.place, job.gpus, job.limit_seconds)
        full = full_for.get(shape) or _first_exceeded(bounds, amounts, job)
        if full is not None:
            full_for[shape] = full
            refused.append((job, full))
            continue
        starting.append(job.id)
        for bound in bounds:
            if amount := _demand(bound.limit.kind, job):
                amounts[bound.account] = amounts.get(bound.account, 0.0) + amount
                added.setdefault(bound.account, []).append(Holder(job.id, amount, None))
    after = {
        bound.account: _with(uses.get(bound.account, NO_USE), added.get(bound.account, ())) for _, bound in refused
    }
    held = {job.id: HeldBack(job.id, bound, after[bound.account], _needs(bound, job)) for job, bound in refused}
    return Admission(tuple(starting), held)


def never_fits(job: LimitedJob, limits: Limits) -> list[HeldBack]:
    """The limits that the job would exceed if nothing else were there at all."""
    return [
        HeldBack(job.id, bound, NO_USE, _needs(bound, job))
        for bound in limits.of(job.place)
        if _is_exceeded(bound.limit, 0.0, job)
    ]


def exceeded_by(kind: LimitKind, more: Tally, limits: Limits, uses: Uses) -> list[HeldBack]:
    """The limits of a kind that so much more at a place would exceed: another queued job, the bytes of a file."""
    bounds = [bound for bound in limits.of(more.place) if bound.limit.kind is kind]
    found = [HeldBack("", bound, uses.get(bound.account, NO_USE), more.amount) for bound in bounds]
    return [held for held in found if held.use.amount + more.amount > held.bound.limit.amount]


_DEMANDS: Mapping[LimitKind, Callable[[LimitedJob], float]] = {
    LimitKind.RUNNING_JOBS: lambda _job: 1.0,
    LimitKind.GPUS: lambda job: float(job.gpus),
    LimitKind.GPU_HOURS: lambda job: job.gpus * job.limit_seconds / 3600,
}
"""What a job uses of a limit from its claim on."""
_ENDS_WITH_THE_JOB = frozenset({LimitKind.RUNNING_JOBS, LimitKind.GPUS})


def _narrowing(limit: Limit) -> tuple[str, str, str, str]:
    return limit.kind, limit.cluster, limit.partition, limit.job_class


def _is_within(place: Place, limit: Limit) -> bool:
    return (
        limit.cluster in ("", place.cluster)
        and limit.job_class in ("", place.job_class)
        and (not limit.partition or limit.partition in place.partition.split(","))
    )


def _demand(kind: LimitKind, job: LimitedJob) -> float:
    count = _DEMANDS.get(kind)
    return count(job) if count is not None else 0.0


def _needs(bound: Bound, job: LimitedJob) -> float:
    return job.limit_seconds if bound.limit.kind is LimitKind.TIME_LIMIT else _demand(bound.limit.kind, job)


def _is_exceeded(limit: Limit, in_use: float, job: LimitedJob) -> bool:
    if limit.kind is LimitKind.TIME_LIMIT:
        return job.limit_seconds > limit.amount
    if limit.kind is LimitKind.RESULT_BYTES:
        return in_use >= limit.amount  # how much a job will leave nobody knows
    demand = _demand(limit.kind, job)
    return demand > 0 and in_use + demand > limit.amount


def _first_exceeded(bounds: Sequence[Bound], amounts: Mapping[Account, float], job: LimitedJob) -> Bound | None:
    return next((b for b in bounds if _is_exceeded(b.limit, amounts.get(b.account, 0.0), job)), None)


def _with(use: Use, added: Sequence[Holder]) -> Use:
    if not added:
        return use
    return Use(use.amount + sum(holder.amount for holder in added), _soonest_first((*use.held_by, *added)))


def _soonest_first(holders: Iterable[Holder]) -> tuple[Holder, ...]:
    return tuple(sorted(holders, key=lambda holder: (holder.expected_end_at is None, holder.expected_end_at or _NEVER)))


_NEVER = datetime.max.replace(tzinfo=UTC)
