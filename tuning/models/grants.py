"""Grants: teams that may use what another team's job left, as they may use what their own jobs left. Rows."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, String, UniqueConstraint, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from tuning.db.engine import Base, insert_if_new
from tuning.errors import Conflict
from tuning.ids import new_id
from tuning.models.names import ResultName

MOST_GRANTS = 100
"""Of one result, or one of its checkpoints: they are read whole."""
FINAL = 0
"""In place of a checkpoint's step: the final model."""


class ModelGrant(Base):
    """A team that may use a result, or one of its checkpoints."""

    __tablename__ = "model_grants"
    __table_args__ = (
        UniqueConstraint("job_id", "checkpoint", "team_id"),
        Index("ix_model_grants_team_id_checkpoint", "team_id", "checkpoint"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    checkpoint: Mapped[int]
    """Its step; 0 = the final model."""
    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]


def grants_of(session: Session, result: ResultName) -> Sequence[ModelGrant]:
    """Grants of a result, the oldest first."""
    rows = select(ModelGrant).where(*_own(result))
    return session.scalars(rows.order_by(ModelGrant.created_at, ModelGrant.id)).all()


def granted_teams(session: Session, job_ids: Collection[str]) -> dict[ResultName, frozenset[str]]:
    """Ids of the teams that may use what these jobs left; results without any are missing."""
    columns = (ModelGrant.job_id, ModelGrant.checkpoint, ModelGrant.team_id)
    found: dict[ResultName, frozenset[str]] = {}
    for job_id, checkpoint, team_id in session.execute(select(*columns).where(ModelGrant.job_id.in_(job_ids))):
        result = ResultName(job_id, checkpoint or None)
        found[result] = found.get(result, frozenset()) | {team_id}
    return found


def add_grant(session: Session, result: ResultName, team_id: str, now: datetime) -> ModelGrant:
    """Let a team use a result; twice is once. Raises Conflict where too many teams may already."""
    own = _own(result)
    if (session.scalar(select(func.count()).select_from(ModelGrant).where(*own)) or 0) >= MOST_GRANTS:
        raise Conflict(f"{MOST_GRANTS} teams may use it already", hint="take it back from those that do not need it")
    values = {"id": new_id("cp"), "job_id": result.job_id, "checkpoint": result.checkpoint or FINAL}
    row = {**values, "team_id": team_id, "created_at": now}
    insert_if_new(session, ModelGrant, row, unique=("job_id", "checkpoint", "team_id"))
    return session.scalars(select(ModelGrant).where(*own, ModelGrant.team_id == team_id)).one()


def remove_grant(session: Session, result: ResultName, team_id: str) -> bool:
    """Take a result back from a team. Whether it was theirs to use."""
    own = (*_own(result), ModelGrant.team_id == team_id)
    return session.execute(delete(ModelGrant).where(*own).returning(ModelGrant.id)).first() is not None


def is_granted(session: Session, result: ResultName, team_ids: Collection[str]) -> bool:
    """Whether one of these teams may use a result."""
    own = (*_own(result), ModelGrant.team_id.in_(team_ids))
    return session.scalar(select(ModelGrant.id).where(*own).limit(1)) is not None


def jobs_granted_to(team_ids: Collection[str]) -> Select[str]:
    """Ids of the jobs whose final models these teams may use."""
    own = (ModelGrant.team_id.in_(team_ids), ModelGrant.checkpoint == FINAL)
    return select(ModelGrant.job_id).where(*own)


def _own(result: ResultName) -> tuple[ColumnElement[bool], ...]:
    return (ModelGrant.job_id == result.job_id, ModelGrant.checkpoint == (result.checkpoint or FINAL))
