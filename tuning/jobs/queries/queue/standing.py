"""Rows of a cluster's queue as the order counts them: waiting and running jobs, shares, and use of late.

People and teams are told by their ids; times are seconds since 1970.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Result, Select, String, bindparam, func, or_, select, type_coerce
from sqlalchemy.orm import Session

from tuning.db.engine import UtcSeconds
from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import JobStatus
from tuning.people.queries import member_shares
from tuning.queue.standing import FairStanding, PastJobs, RunningUse, TeamShares, fair_standings
from tuning.queue.waiting_job import JobClass, Person, WaitingJob
from tuning.usage.past_jobs import past_jobs

MOST_WAITING = 10_000
"""So many waiting jobs of a cluster are ordered: of more, the first ones of each person."""
MOST_RUNNING = 20_000
_AT_ONCE = 200
WAITS = (JobStatus.QUEUED, JobStatus.SUBMITTING, JobStatus.PENDING)
_person = lru_cache(10_000)(Person)
"""Of many jobs each has the same: to find it is quicker than to make it, and to compare it with itself."""
_STATUSES = {status.value: status for status in JobStatus}
_CLASSES = {job_class.name.lower(): job_class for job_class in JobClass}


class WaitingRow(NamedTuple):
    """A waiting job, and more that is known of its wait."""

    job: WaitingJob
    status: JobStatus
    """queued, submitting or pending."""
    partition: str
    status_reason: str | None
    expected_start_at: datetime | None
    """By Slurm's own word, of a pending job; so is the reason."""
    slurm_reason: str | None = None
    slurm_job_id: int | None = None
    """Smaller for what was handed over sooner; None where Slurm has told none yet."""


@dataclass(frozen=True, slots=True)
class RunningRow:
    """A running job, and when it is expected to end."""

    job_id: str
    person: Person
    job_class: JobClass
    gpus: int
    limit_seconds: float
    partition: str
    started_at: float
    """Of its present attempt."""
    expected_end_at: datetime | None
    eta_low_seconds: float | None
    """These two as of `observed_at`."""
    eta_high_seconds: float | None
    observed_at: datetime | None
    kind: str
    is_ending: bool
    """Whether it was asked to end, or to save and end."""
    gpu_type: str | None = None
    """That it asks for; None = any."""
    nodes: str | None = None
    """In Slurm's short form; None where it has told none yet."""


@dataclass(frozen=True, slots=True)
class QueueRows:
    """Rows from which the order of a cluster's queue follows."""

    waiting: Sequence[WaitingRow]
    running: Sequence[RunningRow]
    teams: Sequence[TeamShares]
    """Of those who have jobs, or had some of late."""
    past: Mapping[Person, PastJobs]

    def standings(self, now: float, half_life_seconds: float) -> dict[Person, FairStanding]:
        """The standing of everybody who has jobs, or had some of late."""
        use = (RunningUse(row.person, row.gpus, row.started_at, row.limit_seconds) for row in self.running)
        return fair_standings(self.teams, self.past, use, now, half_life_seconds)


def queue_rows(session: Session, cluster: str, most: int = MOST_WAITING) -> QueueRows:
    """The rows of a cluster's queue, in four statements."""
    of = {"cluster": cluster}
    waiting = waiting_rows(session, cluster, WAITS, most)
    running = [_running_row(row) for row in session.connection().execute(_running(), of)]
    past = past_jobs(session, cluster)
    people = {row.job.person for row in waiting} | {row.person for row in running} | past.keys()
    return QueueRows(waiting, running, _shares(member_shares(session), people), past)


def with_waiting(session: Session, cluster: str, rows: QueueRows) -> QueueRows:
    """The rows with the jobs that wait now, where nothing else has changed. In a single statement."""
    waiting = waiting_rows(session, cluster, WAITS)
    known = {Person(team.name, name) for team in rows.teams for name in team.members}
    if all(row.job.person in known for row in waiting):
        return replace(rows, waiting=waiting)
    return queue_rows(session, cluster)


def rows_of_waiting(session: Session, cluster: str, job_ids: Sequence[str]) -> list[WaitingRow]:
    """The rows of these waiting jobs, in no order: those that came since the queue was read."""
    own = _waiting(WAITS).where(Job.id.in_(job_ids))
    return _waiting_rows(session.connection().execute(own, {"cluster": cluster}))


def waiting_rows(
    session: Session, cluster: str, statuses: tuple[JobStatus, ...], most: int = MOST_WAITING
) -> list[WaitingRow]:
    """The rows of a cluster's jobs that wait in one of these statuses, in no order; none that is to be cancelled."""
    of, connection = {"cluster": cluster}, session.connection()
    found = _waiting_rows(connection.execute(_some_waiting(statuses), {**of, "most": most + 1}))
    if len(found) > most:
        found = _waiting_rows(connection.execute(_first_waiting(statuses), {**of, "most": most}))
    return found


def as_waiting_job(job: Job) -> WaitingJob:
    """A job as the order of the queue counts it."""
    since = (job.queued_at or job.created_at).timestamp()
    person = Person(job.team_id, job.owner_id)
    values = (job.gpus, job.limit_seconds, since, _CLASSES[job.job_class], job.priority)
    return WaitingJob(job.id, person, *values, job.resources.get("gpu_type"))


def _shares(memberships: Iterable[tuple[str, int, str, int]], people: Iterable[Person]) -> list[TeamShares]:
    """Shares of these people; who left a team while their jobs wait has none of it."""
    of_teams: dict[str, int] = {}
    own: dict[Person, int] = {}
    for team, team_shares, user, shares in memberships:
        of_teams[team] = team_shares
        own[Person(team, user)] = shares
    members: dict[str, dict[str, float]] = defaultdict(dict)
    for person in people:
        members[person.team][person.name] = own.get(person, 0)
    return [TeamShares(team, of_teams.get(team, 0), members[team]) for team in sorted(members)]


def _waiting_rows(rows: Result[*tuple[Any, ...]]) -> list[WaitingRow]:
    """A few hundred at a time: the garbage collector would walk all the rows, and soon all that there is."""
    return [_waiting_row(row) for some in rows.partitions(_AT_ONCE) for row in some]


def _waiting_row(row: Any) -> WaitingRow:
    """Made as tuples are: a named tuple's own constructor takes twice as long, and each look makes thousands."""
    job_id, team, owner, word, gpus, limit_seconds, queued_at, priority, gpu_type, status = row[:10]
    values = (job_id, _person(team, owner), gpus, limit_seconds, queued_at, _CLASSES[word], priority, gpu_type)
    return tuple.__new__(WaitingRow, (tuple.__new__(WaitingJob, values), _STATUSES[status], *row[10:]))


def _running_row(row: Any) -> RunningRow:
    job_id, team, owner, word, *others = row
    return RunningRow(job_id, _person(team, owner), _CLASSES[word], *others)


# Kept: to build them costs more than to run them.
@cache
def _some_waiting(statuses: tuple[JobStatus, ...]) -> Select[*tuple[Any, ...]]:
    """Nearly always all of them: to number these by person costs as much as to read them."""
    return _waiting(statuses).limit(bindparam("most"))


@cache
def _first_waiting(statuses: tuple[JobStatus, ...]) -> Select[*tuple[Any, ...]]:
    """The first of each person come first."""
    since = func.coalesce(Job.queued_at, Job.created_at)
    own = func.row_number().over(partition_by=(Job.team_id, Job.owner_id), order_by=(Job.priority.desc(), since))
    return _waiting(statuses).order_by(own).limit(bindparam("most"))


@cache
def _waiting(statuses: tuple[JobStatus, ...]) -> Select[*tuple[Any, ...]]:
    """In the order of WaitingJob's and WaitingRow's fields."""
    return select(
        Job.id,
        Job.team_id,
        Job.owner_id,
        Job.job_class,
        Job.gpus,
        Job.limit_seconds,
        func.coalesce(Job.queued_at, Job.created_at, type_=UtcSeconds()),
        Job.priority,
        Job.resources["gpu_type"].as_string(),
        type_coerce(Job.status, String),
        Job.partition,
        Job.status_reason,
        Job.expected_start_at,
        Job.slurm_reason,
        Job.slurm_job_id,
    ).where(Job.cluster == bindparam("cluster"), Job.status.in_(statuses), Job.cancel_requested_at.is_(None))


@cache
def _running() -> Select[*tuple[Any, ...]]:
    """In the order of RunningRow's fields."""
    started_at = func.coalesce(Attempt.started_at, Attempt.submitted_at, Attempt.created_at, type_=UtcSeconds())
    return (
        select(
            Job.id,
            Job.team_id,
            Job.owner_id,
            Job.job_class,
            Job.gpus,
            Job.limit_seconds,
            Job.partition,
            started_at,
            Job.expected_end_at,
            Job.eta_low_seconds,
            Job.eta_high_seconds,
            Job.observed_at,
            Job.kind,
            or_(
                Job.cancel_requested_at.is_not(None),
                Job.hold_requested_at.is_not(None),
                Attempt.stop_sent_at.is_not(None),
                Attempt.ended_by.is_not(None),
            ),
            Job.resources["gpu_type"].as_string(),
            Attempt.nodes,
        )
        .join(Attempt, (Attempt.job_id == Job.id) & (Attempt.number == Job.attempt))
        .where(Job.cluster == bindparam("cluster"), Job.status == JobStatus.RUNNING)
        .limit(MOST_RUNNING)
    )
