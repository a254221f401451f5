"""Relatives of a job: those that it came from, and those that came from it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, null, select
from sqlalchemy.orm import Session

from tuning.jobs.models import Job, JobDependency
from tuning.jobs.sight import Sight
from tuning.jobs.status import JobStatus

MOST_OF_A_KIND = 50


class Relation(StrEnum):
    """Way in which a job came from another."""

    SOURCE = "source"
    """It uses the other's model."""
    RESUME = "resume"
    """It went on from a checkpoint of the other."""
    RETRY = "retry"
    WAIT = "wait"
    """It begins once the other has succeeded."""


@dataclass(frozen=True)
class Relative:
    """A job and its relation to the job that was asked about."""

    relation: Relation
    id: str
    name: str
    kind: str
    status: JobStatus
    checkpoint: int | None
    """Of the job that came first; None = its final model."""


_SHOWN = (Job.id, Job.name, Job.kind, Job.status)


def origins(session: Session, job: Job, awaited: Sequence[str], sight: Sight) -> list[Relative]:
    """The jobs that a job came from and that may be seen; `awaited` are those that it waits, or waited, for."""
    wanted = [
        (Relation.SOURCE, job.source_job, job.source_checkpoint),
        (Relation.RESUME, job.resume_job, job.resume_checkpoint),
        (Relation.RETRY, job.retry_of, None),
        *((Relation.WAIT, each, None) for each in awaited if each != job.source_job),
    ]
    ids = [job_id for _, job_id, _ in wanted if job_id is not None]
    if not ids:
        return []
    rows = session.execute(select(*_SHOWN).where(Job.id.in_(ids), sight.condition)).all()
    known = {row.id: row for row in rows}
    return [
        Relative(relation, *known[job_id], checkpoint=checkpoint)
        for relation, job_id, checkpoint in wanted
        if job_id is not None and job_id in known
    ]


def offspring(session: Session, job_id: str, sight: Sight) -> list[Relative]:
    """The newest jobs that came from a job and that may be seen: of each kind some, each by an index."""
    found: list[Relative] = []
    for relation, query in _offspring(job_id):
        newest = query.where(sight.condition).order_by(Job.created_at.desc(), Job.id).limit(MOST_OF_A_KIND)
        found += [Relative(relation, *row) for row in session.execute(newest)]
    based = {relative.id for relative in found if relative.relation is Relation.SOURCE}
    return [each for each in found if each.relation is not Relation.WAIT or each.id not in based]


def _offspring(job_id: str) -> Iterator[tuple[Relation, Select[*tuple[Any, ...]]]]:
    yield Relation.SOURCE, select(*_SHOWN, Job.source_checkpoint).where(Job.source_job == job_id)
    yield Relation.RESUME, select(*_SHOWN, Job.resume_checkpoint).where(Job.resume_job == job_id)
    yield Relation.RETRY, select(*_SHOWN, null()).where(Job.retry_of == job_id)
    waiting = select(*_SHOWN, null()).join(JobDependency, JobDependency.job_id == Job.id)
    yield Relation.WAIT, waiting.where(JobDependency.depends_on == job_id)
