"""Checkpoints that a job has saved: an event for each, with the values of its step."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.jobs.layout import checkpoint_path
from tuning.jobs.models import JobEvent, MetricPoint
from tuning.jobs.transition import record_event
from tuning.llamafactory.progress.trainer_log import MAX_STEPS

MOST_TOLD = 1000
"""Events of one job: one that saves each step would fill the database."""
_MOST_AT_ONCE = 50
_TOLD_VALUES = ("eval_loss", "loss")


@dataclass(frozen=True)
class SavedCheckpoint:
    """A checkpoint, when it was told, and the values that were logged at its step."""

    step: int
    at: datetime
    values: Mapping[str, Any]


def saved_checkpoints(
    session: Session, job_id: str, *, before: int | None, among: Set[int] | None, limit: int
) -> list[SavedCheckpoint]:
    """At most `limit` checkpoints that were told, the last step first, before a step; `among` = only these are left."""
    told: dict[int, datetime] = {}
    own = (JobEvent.job_id == job_id, JobEvent.type == "checkpoint.saved")
    newest = select(JobEvent.data, JobEvent.at).where(*own).order_by(JobEvent.id.desc()).limit(MOST_TOLD)
    for data, at in session.execute(newest):
        told.setdefault(data["step"], at)
    left = [step for step in sorted(told, reverse=True) if among is None or step in among]
    steps = [step for step in left if before is None or step < before][:limit]
    return [SavedCheckpoint(step, told[step], _values_at(session, job_id, step)) for step in steps]


def tell_saved(session: Session, job_id: str, steps: Iterable[int], now: datetime) -> None:
    """Write an event for each of these checkpoints that none was written of, the newest at least. Twice is once."""
    told = _told(session, job_id)
    new = sorted({step for step in steps if step <= MAX_STEPS} - told)[-_MOST_AT_ONCE:]
    for step in new[: max(0, MOST_TOLD - len(told))]:
        values = _values_at(session, job_id, step)
        data = {"step": step, "path": checkpoint_path(step), "metrics": values}
        record_event(session, job_id, "checkpoint.saved", _words(step, values), now, data)


def _told(session: Session, job_id: str) -> set[int]:
    own = (JobEvent.job_id == job_id, JobEvent.type == "checkpoint.saved")
    newest = select(JobEvent.data).where(*own).order_by(JobEvent.id.desc()).limit(MOST_TOLD)
    return {data["step"] for data in session.scalars(newest)}


def _values_at(session: Session, job_id: str, step: int) -> dict[str, Any]:
    """The values that were logged at a step; of several attempts those of the last."""
    own = (MetricPoint.job_id == job_id, MetricPoint.step == step, MetricPoint.kind.in_(("train", "eval")))
    points = session.scalars(select(MetricPoint.values).where(*own).order_by(MetricPoint.attempt)).all()
    return {name: value for values in points for name, value in values.items()}


def _words(step: int, values: dict[str, Any]) -> str:
    known = [f"{name} {values[name]:.4g}" for name in _TOLD_VALUES if values.get(name) is not None]
    return ": ".join([f"checkpoint {step} was saved", *([", ".join(known)] if known else [])])
