"""Rows of served models: which job serves which model, where it listens, and when it was last used."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from tuning.db.engine import Base
from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import ENDED


class ModelServer(Base):
    """Job that serves a model. Its address and port are there once the model is loaded."""

    __tablename__ = "model_servers"
    __table_args__ = (
        Index(
            "uq_model_servers_newest",
            "cluster",
            "model",
            unique=True,
            postgresql_where=text("is_newest"),
            sqlite_where=text("is_newest"),
        ),
    )

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    cluster: Mapped[str] = mapped_column(String(32))
    model: Mapped[str] = mapped_column(String(300))
    """Canonical name (ModelRef.name)."""
    is_newest: Mapped[bool] = mapped_column(default=True)
    """Of its model and cluster; at most one such, so that two requests at once start one server."""
    node: Mapped[str | None] = mapped_column(String(255))
    """As Slurm calls it."""
    address: Mapped[str | None] = mapped_column(String(255))
    """By which the login node reaches it."""
    port: Mapped[int | None]
    ready_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    """Begin or end of the newest request; None = of none since it became ready."""
    idle_at: Mapped[datetime | None]
    """When it was ended because nobody used it."""


@dataclass(frozen=True)
class FoundServer:
    """Live server of a model: its job, its row, and the token of its present attempt."""

    job: Job
    server: ModelServer
    token: str | None
    """None while it waits for its turn: no attempt has begun."""

    @property
    def is_ready(self) -> bool:
        """Whether it can be talked to."""
        return self.server.ready_at is not None and self.token is not None


def find_newest(session: Session, cluster: str, model: str) -> FoundServer | None:
    """The live server of a model. What has ended, or was told to end, is none."""
    own = (ModelServer.cluster == cluster, ModelServer.model == model, ModelServer.is_newest)
    is_live = (Job.status.not_in(ENDED), Job.cancel_requested_at.is_(None))
    wanted = (
        select(Job, ModelServer, Attempt.token)
        .join(ModelServer, ModelServer.job_id == Job.id)
        .outerjoin(Attempt, (Attempt.job_id == Job.id) & (Attempt.number == Job.attempt))
        .where(*own, *is_live)
    )
    found = session.execute(wanted).first()
    return FoundServer(*found) if found else None


def retire_ended(session: Session, cluster: str, model: str) -> None:
    """Let the newest server of a model be so no longer where its job has ended, or was told to end."""
    is_over = Job.status.in_(ENDED) | Job.cancel_requested_at.is_not(None)
    own = (ModelServer.cluster == cluster, ModelServer.model == model, ModelServer.is_newest)
    over = ModelServer.job_id.in_(select(Job.id).where(is_over))
    session.execute(
        update(ModelServer).where(*own, over).values(is_newest=False),
        execution_options={"synchronize_session": False},
    )


def idle_words(seconds: float) -> str:
    """Reason of the end of a server that nobody uses."""
    return f"nobody talked to it for {_time_words(seconds)}"


def life_words(ends_at: datetime, idle_seconds: float) -> str:
    """Time at which a server will end."""
    until = f"until {ends_at:%Y-%m-%d %H:%M} UTC at the latest"
    return f"{until}, or until nobody has talked to it for {_time_words(idle_seconds)}"


def server_of(session: Session, job_id: str) -> ModelServer | None:
    """The row of a job of kind `serve`."""
    return session.get(ModelServer, job_id)


def touch_last_used(session: Session, job_id: str, now: datetime) -> None:
    """Note that a server is used: at the begin and at the end of each request, and once a minute while one lasts."""
    session.execute(
        update(ModelServer).where(ModelServer.job_id == job_id).values(last_used_at=now),
        execution_options={"synchronize_session": False},
    )


def _time_words(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 120 else f"{seconds:g} seconds"
