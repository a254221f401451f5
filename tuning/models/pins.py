"""Pins: results and checkpoints that clean-up spares until they are taken off. Rows."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ForeignKey, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from tuning.db.engine import Base, insert_if_new
from tuning.errors import Conflict
from tuning.models.names import ResultName

MOST_PINS = 10_000
"""In all: a shared file system cannot keep everything."""
FINAL = 0
"""In place of a checkpoint's step: the final model."""


class ModelPin(Base):
    """A result, or one of its checkpoints, that stays on the cluster."""

    __tablename__ = "model_pins"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    checkpoint: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Its step; 0 = the final model."""
    pinned_by: Mapped[str] = mapped_column(String(100))
    """Name of a user."""
    pinned_at: Mapped[datetime]


def add_pin(session: Session, result: ResultName, by: str, now: datetime) -> bool:
    """Pin a result until its pin is taken off; twice is once. Returns whether it is a new pin. Raises Conflict."""
    if (session.scalar(select(func.count()).select_from(ModelPin)) or 0) >= MOST_PINS:
        raise Conflict(f"{MOST_PINS} results are pinned already", hint="take the pins off those that nobody needs")
    row = {"job_id": result.job_id, "checkpoint": result.checkpoint or FINAL, "pinned_by": by, "pinned_at": now}
    return insert_if_new(session, ModelPin, row, unique=("job_id", "checkpoint"))


def remove_pin(session: Session, result: ResultName) -> bool:
    """Take the pin off a result. Whether there was one."""
    own = (ModelPin.job_id == result.job_id, ModelPin.checkpoint == (result.checkpoint or FINAL))
    return session.execute(delete(ModelPin).where(*own).returning(ModelPin.job_id)).first() is not None


def pins_of(session: Session, job_ids: Collection[str]) -> frozenset[ResultName]:
    """Pinned results and checkpoints of these jobs."""
    rows = select(ModelPin.job_id, ModelPin.checkpoint).where(ModelPin.job_id.in_(job_ids))
    return frozenset(ResultName(job_id, checkpoint or None) for job_id, checkpoint in session.execute(rows))
