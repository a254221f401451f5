"""Trials: would Slurm take a job, and when would it start; the server asks, the cluster's driver answers."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Select, bindparam, delete, or_, select, update
from sqlalchemy.orm import Session

from tuning.clusters.models import ClusterRow, TrialRow
from tuning.db.engine import insert_if_new

HOLDS = timedelta(seconds=60)
"""The queue moves on: an answer that is older is asked for again."""
FORGOTTEN = timedelta(minutes=10)


@dataclass(frozen=True)
class TrialAnswer:
    """Slurm's answer to a trial. Neither a start nor a refusal: sbatch gave no answer."""

    starts_at: datetime | None = None
    refusal: str | None = None
    """Slurm's words."""
    hint: str | None = None
    is_final: bool = False
    """Waiting changes nothing: such a job would be refused."""


def can_be_asked(session: Session, cluster: str, now: datetime) -> bool:
    """Whether somebody drives the cluster, and reaches it."""
    driven = (ClusterRow.lease_expires_at > now, ClusterRow.unreachable_since.is_(None))
    return session.scalar(select(ClusterRow.name).where(ClusterRow.name == cluster, *driven)) is not None


def ask(session: Session, cluster: str, script: str, now: datetime) -> TrialAnswer | None:
    """The answer, where there is a fresh one; None where it has been asked for now or before."""
    sha256 = _sha256(script)
    row = {"cluster": cluster, "sha256": sha256, "script": script, "asked_at": now, "is_final": False}
    if insert_if_new(session, TrialRow, row, unique=("cluster", "sha256")):
        return None
    own = (TrialRow.cluster == cluster, TrialRow.sha256 == sha256)
    stale = or_(TrialRow.answered_at <= now - HOLDS, TrialRow.answered_at.is_(None))
    session.execute(update(TrialRow).where(*own, stale).values(asked_at=now, answered_at=None))
    return answer_to(session, cluster, script)


def answer_to(session: Session, cluster: str, script: str) -> TrialAnswer | None:
    """The stored answer to a script's trial, however old; None where there is no answer yet."""
    own = (TrialRow.cluster == cluster, TrialRow.sha256 == _sha256(script), TrialRow.answered_at.is_not(None))
    columns = (TrialRow.starts_at, TrialRow.refusal, TrialRow.hint, TrialRow.is_final)
    found = session.execute(select(*columns).where(*own)).one_or_none()
    return TrialAnswer(*found) if found is not None else None


def unanswered(session: Session, cluster: str, limit: int) -> list[str]:
    """The scripts that are asked about, the oldest first."""
    return list(session.connection().scalars(_unanswered(), {"cluster": cluster, "most": limit}))


def note_answers(session: Session, cluster: str, answers: Mapping[str, TrialAnswer], now: datetime) -> None:
    """Write down the answers, by script, and forget those that nobody has asked for lately."""
    for script, answer in answers.items():
        own = (TrialRow.cluster == cluster, TrialRow.sha256 == _sha256(script))
        values = {"starts_at": answer.starts_at, "refusal": answer.refusal, "hint": answer.hint}
        session.execute(update(TrialRow).where(*own).values(answered_at=now, is_final=answer.is_final, **values))
    session.execute(delete(TrialRow).where(TrialRow.cluster == cluster, TrialRow.asked_at < now - FORGOTTEN))


def _sha256(script: str) -> str:
    return hashlib.sha256(script.encode()).hexdigest()


@cache
def _unanswered() -> Select[str]:
    """Kept: it is asked in each cycle."""
    own = (TrialRow.cluster == bindparam("cluster"), TrialRow.answered_at.is_(None))
    return select(TrialRow.script).where(*own).order_by(TrialRow.asked_at).limit(bindparam("most"))
