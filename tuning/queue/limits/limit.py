"""Limits of users, teams and everybody together, and the use of each.

A job counts from its claim to its confirmed end. It counts with its whole time limit where hours of GPUs are limited:
so these are not exceeded either, however long it runs.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
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
    MEMBER = "member"
    """A user as far as they work for a team."""
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as it was set; empty = wherever, in whichever partition and class."""

    id: str
    subject_kind: SubjectKind
    subject: str
    """Name of a user or team, `*` = each, empty = everybody together; of a member team and user, with a `/`."""
    kind: LimitKind
    amount: float
    cluster: str = ""
    partition: str = ""
    job_class: str = ""

    @property
    def is_for_each(self) -> bool:
        """Whether it holds for each user, team or member by itself."""
        return self.subject.rpartition("/")[2] == EACH


class Place(NamedTuple):
    """Place of a job, or of what it left, among people and clusters; empty = it has none."""

    user: str
    team: str
    cluster: str = ""
    partition: str = ""
    """As asked of Slurm; of several with commas it counts in each."""
    job_class: str = ""


class LimitedJob(NamedTuple):
    """A job as limits see it; a tuple, since each look at limits makes thousands."""

    id: str
    place: Place
    gpus: int
    limit_seconds: float
    """Its time limit."""
    expected_end_at: datetime | None = None
    """Of a job that runs; likewise the next."""
    ends_by: datetime | None = None
    """By its time limit."""
    queued_at: datetime | None = None
    """Of a job that waits."""


@dataclass(frozen=True, slots=True)
class Tally:
    """An amount used at a place by nothing that runs: hours of ended jobs, bytes, waiting jobs."""

    place: Place
    amount: float


@dataclass(frozen=True, slots=True)
class Holder:
    """A job that uses a part of a limit."""

    job: LimitedJob
    amount: float

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.job.id

    @property
    def expected_end_at(self) -> datetime | None:
        """The job's end; None where nobody can tell."""
        return self.job.expected_end_at


@dataclass(frozen=True, slots=True)
class Use:
    """Use of a limit by its subject: the amount, and the jobs that are a part of it."""

    amount: float = 0.0
    held_by: tuple[Holder, ...] = ()
    """Those that end first are first."""
    leaves: tuple[tuple[datetime, float], ...] = ()
    """Times at which parts of what ended jobs used cease to count, the soonest first, as far as they are known."""


@dataclass(frozen=True)
class Bound:
    """A limit as it binds a user, a team, or everybody (empty)."""

    limit: Limit
    subject: str

    @cached_property
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
        """The limits that bind at a place. A subject's own limit replaces the one for each with the same narrowing.

        That of a member comes to those of the user, the team and everybody, and replaces none of them.
        """
        if place not in self._bounds:
            self._bounds[place] = tuple(self._binding(place))
        return self._bounds[place]

    def _binding(self, place: Place) -> Iterator[Bound]:
        subjects = (
            (SubjectKind.USER, place.user, EACH),
            (SubjectKind.MEMBER, member_subject(place.team, place.user), member_subject(place.team, EACH)),
            (SubjectKind.TEAM, place.team, EACH),
            (SubjectKind.EVERYBODY, "", EACH),
        )
        for kind, name, each in subjects:
            own = self._by_subject.get((kind, name), [])
            replaced = {_narrowing(limit) for limit in own}
            for_each = self._by_subject.get((kind, each), [])
            others = [limit for limit in for_each if _narrowing(limit) not in replaced]
            yield from (Bound(limit, name) for limit in (*own, *others) if _is_within(place, limit))


def member_subject(team: str, user: str) -> str:
    """The subject of a limit of a team's member; `*` for each of them."""
    return f"{team}/{user}"


def member_of(subject: str) -> tuple[str, str]:
    """Team and user of such a subject."""
    team, _, user = subject.partition("/")
    return team, user


def uses_of(
    limits: Limits, live: Iterable[LimitedJob], tallies: Mapping[LimitKind, Iterable[Tally]]
) -> dict[Account, Use]:
    """The use of each limit, by all jobs that are claimed, pending or running, and by what else is counted."""
    amounts: dict[Account, float] = {}
    holders: dict[Account, list[Holder]] = {}
    for job in live:
        for bound in limits.of(job.place):
            if amount := demand(bound.limit.kind, job):
                amounts[bound.account] = amounts.get(bound.account, 0.0) + amount
                holders.setdefault(bound.account, []).append(Holder(job, amount))
    for kind, counted in tallies.items():
        for tally in counted:
            for bound in limits.of(tally.place):
                if bound.limit.kind is kind:
                    amounts[bound.account] = amounts.get(bound.account, 0.0) + tally.amount
    return {account: Use(amount, soonest_first(holders.get(account, ()))) for account, amount in amounts.items()}


def demand(kind: LimitKind, job: LimitedJob) -> float:
    """The amount of a limit of some kind that a job uses from its claim on; of some kinds it is none."""
    # by identity: this is asked many times for each job, and the hash of a kind would be most of its time
    if kind is LimitKind.RUNNING_JOBS:
        return 1.0
    if kind is LimitKind.GPUS:
        return float(job.gpus)
    return job.gpus * job.limit_seconds / 3600 if kind is LimitKind.GPU_HOURS else 0.0


def is_exceeded(bound: Bound, in_use: float, job: LimitedJob) -> bool:
    """Whether the job would exceed a limit of which so much is in use."""
    limit = bound.limit
    if limit.kind is LimitKind.TIME_LIMIT:
        return job.limit_seconds > limit.amount
    if limit.kind is LimitKind.RESULT_BYTES:
        return in_use >= limit.amount  # how much a job will leave nobody knows
    more = demand(limit.kind, job)
    return more > 0 and in_use + more > limit.amount


def soonest_first(holders: Iterable[Holder]) -> tuple[Holder, ...]:
    """Holders by their expected ends, unknown ones last."""
    return tuple(sorted(holders, key=lambda holder: (holder.expected_end_at is None, holder.expected_end_at or _NEVER)))


def _narrowing(limit: Limit) -> tuple[str, str, str, str]:
    return limit.kind, limit.cluster, limit.partition, limit.job_class


def _is_within(place: Place, limit: Limit) -> bool:
    return (
        limit.cluster in ("", place.cluster)
        and limit.job_class in ("", place.job_class)
        and (not limit.partition or limit.partition in place.partition.split(","))
    )


_NEVER = datetime.max.replace(tzinfo=UTC)
