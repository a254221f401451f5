"""Queries about clusters that people ask for."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from tuning.clusters.models import ClusterRow, Installation
from tuning.clusters.snapshot import Snapshot, read_snapshot
from tuning.db.engine import insert_if_new
from tuning.ids import new_id

# Built once: every new job asks it.
_SNAPSHOT_TIME = select(ClusterRow.snapshot_at).where(ClusterRow.name == bindparam("name"))


def cluster_rows(session: Session, names: Sequence[str]) -> dict[str, ClusterRow]:
    """The rows of these clusters by name; one that no worker has driven yet has none."""
    return {row.name: row for row in session.scalars(select(ClusterRow).where(ClusterRow.name.in_(names)))}


def installation_id(session: Session) -> str:
    """The id of this installation, made where there is none."""
    wanted = select(Installation.id).where(Installation.place == 1)
    found = session.scalar(wanted)
    if found is None:
        insert_if_new(session, Installation, {"place": 1, "id": new_id("inst")}, unique=("place",))
        found = session.scalars(wanted).one()
    return found


def snapshot_time(session: Session, name: str) -> datetime | None:
    """Time of a cluster's last description of itself; None where there is none."""
    found: datetime | None = session.connection().scalar(_SNAPSHOT_TIME, {"name": name})
    return found


def snapshot_of(session: Session, name: str) -> Snapshot | None:
    """A cluster's last description of itself; None where there is none."""
    stored = session.scalar(select(ClusterRow.snapshot).where(ClusterRow.name == name))
    return read_snapshot(stored) if stored is not None else None
