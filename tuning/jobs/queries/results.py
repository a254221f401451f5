"""Results: models that jobs left, a page at a time, each with its name, lineage and size."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, cast, func, not_, select
from sqlalchemy.orm import Session

from tuning.jobs.layout import OUTPUT_REMOVED
from tuning.jobs.models import Artifact, Job
from tuning.jobs.request.sources import from_json, leaves_adapter
from tuning.jobs.search.order import Sort
from tuning.jobs.search.page import KINDS_WITH_MODEL, Filter, JobPage, list_jobs
from tuning.jobs.status import JobStatus
from tuning.models.names import ResultName, base_word, result_name
from tuning.people.queries import team_names, user_names

_IN_A_CHECKPOINT = Artifact.path.startswith("checkpoint-", autoescape=True)


@dataclass(frozen=True)
class Result:
    """Result of a job: its final model, or where `checkpoint` is given that of a step."""

    name: str
    """ft:... (tuning.models.names)."""
    job_id: str
    checkpoint: int | None
    job_name: str
    kind: str
    cluster: str
    owner: str
    team: str
    base: str
    """The base model's word in the name."""
    is_adapter: bool
    """Whether it is laid over its base; else it is a whole model."""
    created_at: datetime
    """When its job ended."""
    size_bytes: int
    """On the cluster: of the final model without the checkpoints beside it."""
    metrics: Mapping[str, float]
    """Of its job's end."""
    source_job: str | None
    source_checkpoint: int | None


@dataclass(frozen=True)
class ResultPage:
    """Some results, and the cursor of the next ones."""

    results: Sequence[Result]
    next: str | None


def results_page(session: Session, wanted: Filter, after: str | None, limit: int) -> ResultPage:
    """At most `limit` final models that jobs left and that are still there, the newest job's first.

    Of `wanted`, kind, owner, team, cluster, text and sight hold (tuning.jobs.sight.result_sight_of).
    Raises InvalidInput when the cursor is not one of this order.
    """
    page = result_jobs(session, wanted, after, limit)
    return ResultPage(results_of(session, [(job, None) for job in page.jobs]), page.next)


def result_jobs(session: Session, wanted: Filter, after: str | None, limit: int) -> JobPage:
    """The jobs of such a page. Raises InvalidInput when the cursor is not one of this order."""
    succeeded = replace(wanted, statuses=(JobStatus.SUCCEEDED,), leaves_model=True)
    return list_jobs(session, succeeded, Sort.NEWEST, after, limit)


def results_of(session: Session, wanted: Sequence[tuple[Job, int | None]]) -> list[Result]:
    """Results of some jobs or of their checkpoints, in a handful of queries however many there are."""
    owners = user_names(session, (job.owner_id for job, _ in wanted))
    teams = team_names(session, (job.team_id for job, _ in wanted))
    sizes = _sizes(session, {(job.id, checkpoint) for job, checkpoint in wanted})
    return [
        Result(
            name=name_of(job, teams[job.team_id], checkpoint),
            job_id=job.id,
            checkpoint=checkpoint,
            job_name=job.name,
            kind=job.kind,
            cluster=job.cluster,
            owner=owners[job.owner_id],
            team=teams[job.team_id],
            base=base_word(base_of(job)),
            is_adapter=leaves_adapter(job.kind, job.config),
            created_at=job.finished_at or job.updated_at,
            size_bytes=sizes.get((job.id, checkpoint), 0),
            metrics=_numbers(job.result or {}),
            source_job=job.source_job,
            source_checkpoint=job.source_checkpoint,
        )
        for job, checkpoint in wanted
    ]


def name_of(job: Job, team: str, checkpoint: int | None = None) -> str:
    """The name of what a job leaves, by its team's name: known before it has ended."""
    return result_name(ResultName(job.id, checkpoint), base_of(job), team, job.name)


def left_model(job: Job) -> bool:
    """Whether a job left a model that is still there."""
    is_there = OUTPUT_REMOVED not in (job.result or {})
    return job.status is JobStatus.SUCCEEDED and job.kind in KINDS_WITH_MODEL and is_there


def base_of(job: Job) -> str:
    """The base model of a job: its path, hub id or name in the catalogue."""
    source = from_json(job.source)
    return (source.model if source is not None else None) or str(job.config.get("model_name_or_path") or "")


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """The measured values of a job's result, without what else is said there."""
    return {name: value for name, value in values.items() if isinstance(value, int | float) and value is not True}


def _sizes(session: Session, wanted: Collection[tuple[str, int | None]]) -> dict[tuple[str, int | None], int]:
    """Bytes of final models without checkpoints, and of checkpoints."""
    finals = [job_id for job_id, checkpoint in wanted if checkpoint is None]
    size = cast(func.sum(Artifact.size_bytes), BigInteger)
    own = select(Artifact.job_id, size).where(Artifact.job_id.in_(finals), not_(_IN_A_CHECKPOINT))
    found: dict[tuple[str, int | None], int] = {}
    for job_id, size_bytes in session.execute(own.group_by(Artifact.job_id)):
        found[job_id, None] = size_bytes
    for job_id, checkpoint in wanted:
        if checkpoint is not None:
            within = Artifact.path.startswith(f"checkpoint-{checkpoint}/", autoescape=True)
            found[job_id, checkpoint] = session.scalar(select(size).where(Artifact.job_id == job_id, within)) or 0
    return found
