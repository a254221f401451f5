"""Queries about jobs that people ask for: one, a page of them, and what belongs to them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Insert, bindparam, delete, false, func, insert, select, update
from sqlalchemy.orm import Session, defer
from sqlalchemy.orm.attributes import set_committed_value

from tuning.db.engine import insert_if_new, lock_event_order
from tuning.jobs.events import write_events
from tuning.jobs.models import Attempt, AttemptTexts, Job, JobDataset, JobTag
from tuning.jobs.queries.dependencies import dependencies_of
from tuning.jobs.status import ACTIVE

# Run on the connection: rows that nobody reads back need no ORM, which costs three times as much.
_INSERT_TAGS, _INSERT_DATASETS = insert(JobTag), insert(JobDataset)
_NO_CHANGE = update(Job).where(false()).values(version=Job.version)
_TAGS = (
    select(JobTag.job_id, JobTag.key, JobTag.value)
    .where(JobTag.job_id.in_(bindparam("job_ids", expanding=True)))
    .order_by(JobTag.key)
)
"""Asked for each submission: made once."""


@dataclass(frozen=True)
class Belongings:
    """Tags, data sets, attempts and dependencies of some jobs, each by job id; a job without any is missing."""

    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    datasets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    attempts: Mapping[str, Sequence[Attempt]] = field(default_factory=dict)
    dependencies: Mapping[str, Sequence[str]] = field(default_factory=dict)


def job_by_id(session: Session, job_id: str) -> Job | None:
    """One job."""
    return session.get(Job, job_id)


def jobs_by_id(session: Session, job_ids: Iterable[str]) -> dict[str, Job]:
    """Jobs by their ids, as far as they exist."""
    wanted = set(job_ids)
    return {job.id: job for job in session.scalars(select(Job).where(Job.id.in_(wanted)))} if wanted else {}


def job_by_key(session: Session, owner_id: str, idempotency_key: str) -> Job | None:
    """The job that this user made under this key."""
    return session.scalar(select(Job).where(Job.owner_id == owner_id, Job.idempotency_key == idempotency_key))


def newest_of_request(
    session: Session, owner_id: str, request_sha256: str, since: datetime, *, key_begin: str | None = None
) -> Job | None:
    """The newest job that this user made by this request, not before `since`; of those whose key begins so, if said."""
    own = (Job.owner_id == owner_id, Job.created_at >= since, Job.request_sha256 == request_sha256)
    keyed = (Job.idempotency_key.startswith(key_begin, autoescape=True),) if key_begin is not None else ()
    return session.scalar(select(Job).where(*own, *keyed).order_by(Job.created_at.desc(), Job.id.desc()).limit(1))


def lock_new_jobs(session: Session) -> None:
    """Let all who lock new jobs come one after another until the transaction ends, each seeing the jobs before it.

    PostgreSQL waits for the order of events, SQLite for its only writer: an update that changes nothing makes one.
    """
    lock_event_order(session)
    session.connection().execute(_NO_CHANGE)


def has_jobs_of_team(session: Session, team_id: str) -> bool:
    """Whether there is a job of a team."""
    return session.scalar(select(Job.id).where(Job.team_id == team_id).limit(1)) is not None


def lock_job(session: Session, job_id: str) -> Job | None:
    """One job as it is now, and as it stays until the transaction ends.

    An update that changes nothing locks the row on PostgreSQL and the file on SQLite, and reads the newest state on
    both; SQLite knows no SELECT FOR UPDATE. The order of events is locked before any row, so that two who change jobs
    never wait for each other.
    """
    lock_event_order(session)
    locked = update(Job).where(Job.id == job_id).values(version=Job.version).returning(Job)
    return session.scalars(locked, execution_options={"populate_existing": True}).one_or_none()


def insert_job(session: Session, values: dict[str, Any]) -> Job | None:
    """A new job's row; None when its owner has one under the same idempotency key."""
    values = {name: value for name, value in values.items() if value is not None}  # each one costs, said or not
    return Job(**values) if insert_if_new(session, Job, values, unique=("owner_id", "idempotency_key")) else None


def insert_belongings(
    session: Session, job: Job, tags: Mapping[str, str], datasets: Iterable[str], events: Sequence[Mapping[str, Any]]
) -> None:
    """The other rows of a new job, a statement for each table that gets any."""
    place = {"created_at": job.created_at, "priority": job.priority}
    tables: tuple[tuple[Insert, list[dict[str, Any]]], ...] = (
        (_INSERT_TAGS, [{"key": key, "value": value, **place} for key, value in tags.items()]),
        (_INSERT_DATASETS, [{"position": place, "dataset_id": dataset} for place, dataset in enumerate(datasets)]),
    )
    for statement, rows in tables:
        if rows:
            session.connection().execute(statement, [{"job_id": job.id, **row} for row in rows])
    if events:
        write_events(session, [{"job_id": job.id, **event} for event in events], job.created_at)


def set_failure(session: Session, job: Job, failure: dict[str, Any]) -> None:
    """Write the failure of a job that fails in this transaction."""
    session.connection().execute(update(Job).where(Job.id == job.id).values(failure=failure))
    set_committed_value(job, "failure", failure)


def replace_tags(session: Session, job: Job, tags: Mapping[str, str]) -> None:
    """Give a job these tags and no others."""
    session.execute(delete(JobTag).where(JobTag.job_id == job.id))
    insert_belongings(session, job, tags, (), ())


def change_priority(session: Session, job: Job, priority: int) -> None:
    """Give a job another place in every order of priority."""
    job.priority = priority
    session.execute(update(JobTag).where(JobTag.job_id == job.id).values(priority=priority))


def delete_job(session: Session, job_id: str) -> None:
    """Remove a job with everything that belongs to it (the database cascades)."""
    session.execute(delete(Job).where(Job.id == job_id))


def belongings(session: Session, job_ids: Sequence[str]) -> Belongings:
    """The tags, data sets, attempts and dependencies of some jobs, in four queries."""
    datasets: dict[str, list[str]] = {}
    used = select(JobDataset).where(JobDataset.job_id.in_(job_ids)).order_by(JobDataset.position)
    for row in session.scalars(used):
        datasets.setdefault(row.job_id, []).append(row.dataset_id)
    return Belongings(
        tags_of(session, job_ids), datasets, _attempts(session, job_ids), dependencies_of(session, job_ids)
    )


def tags_of(session: Session, job_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """The tags of some jobs, by job id; a job without any is missing."""
    tags: dict[str, dict[str, str]] = {}
    for job_id, key, value in session.execute(_TAGS, {"job_ids": job_ids}):
        tags.setdefault(job_id, {})[key] = value
    return tags


def attempt_texts(session: Session, job_id: str, number: int) -> tuple[str, str] | None:
    """The script and the configuration that an attempt was submitted with."""
    found = session.get(AttemptTexts, (job_id, number))
    return (found.script, found.config_yaml) if found is not None else None


def counts(session: Session) -> list[tuple[str, str, int]]:
    """(cluster, status, how many jobs), of all jobs."""
    query = select(Job.cluster, Job.status, func.count()).group_by(Job.cluster, Job.status)
    return [(cluster, status, count) for cluster, status, count in session.execute(query)]


def active_counts(session: Session, clusters: Collection[str]) -> list[tuple[str, str, int]]:
    """The same of the jobs of these clusters that have not ended, by an index: those that have are not looked at."""
    query = select(Job.cluster, Job.status, func.count()).where(Job.cluster.in_(clusters), Job.status.in_(ACTIVE))
    rows = session.execute(query.group_by(Job.cluster, Job.status))
    return [(cluster, status, count) for cluster, status, count in rows]


def _attempts(session: Session, job_ids: Sequence[str]) -> dict[str, list[Attempt]]:
    query = select(Attempt).where(Attempt.job_id.in_(job_ids)).order_by(Attempt.number)
    found: dict[str, list[Attempt]] = {}
    for attempt in session.scalars(query.options(defer(Attempt.eta_state, raiseload=True))):
        found.setdefault(attempt.job_id, []).append(attempt)
    return found
