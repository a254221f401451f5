"""Results that clean-up spares: those that are pinned, and those that an alias means."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, String, cast, exists, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from tuning.clusters.model_aliases import aliases_of_jobs
from tuning.clusters.models import ModelAlias
from tuning.models.names import ResultName
from tuning.models.pins import ModelPin, pins_of

Text = InstrumentedAttribute[str]


def spared_among(session: Session, job_ids: Collection[str]) -> frozenset[ResultName]:
    """Results and checkpoints of these jobs that stay."""
    aliased = (ResultName(row.job_id, row.checkpoint) for row in aliases_of_jobs(session, job_ids) if row.job_id)
    return pins_of(session, job_ids) | frozenset(aliased)


def spared_steps(session: Session, job_id: str) -> frozenset[int]:
    """Steps of those checkpoints of a job that stay."""
    return frozenset(its.checkpoint for its in spared_among(session, [job_id]) if its.checkpoint is not None)


def has_spared(job_id: Text) -> ColumnElement[bool]:
    """Condition: something that a job left is spared."""
    pinned, aliased = select(ModelPin.job_id), select(ModelAlias.alias)
    return or_(exists(pinned.where(ModelPin.job_id == job_id)), exists(aliased.where(ModelAlias.job_id == job_id)))


def in_spared_checkpoint(job_id: Text, path: Text) -> ColumnElement[bool]:
    """Condition: a file, by its path in the output folder, belongs to a checkpoint that is spared."""
    pinned = (ModelPin.job_id == job_id, _lies_in(path, ModelPin.checkpoint))
    aliased = (ModelAlias.job_id == job_id, _lies_in(path, ModelAlias.checkpoint))
    return or_(exists(select(ModelPin.job_id).where(*pinned)), exists(select(ModelAlias.alias).where(*aliased)))


def _lies_in(path: Text, checkpoint: ColumnElement[int] | InstrumentedAttribute[int | None]) -> ColumnElement[bool]:
    folder = literal("checkpoint-").concat(cast(checkpoint, String)).concat("/")
    return func.substr(path, 1, func.length(folder)) == folder
