"""Queries about clusters that people ask for."""

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from tuning.clusters.attendance import WorkerSign
from tuning.clusters.models import ClusterRow, Installation
from tuning.clusters.snapshot import Snapshot, read_snapshot
from tuning.db.engine import insert_if_new
from tuning.ids import new_id

LONGEST_CYCLE_SECONDS = 3600.0
"""A cycle that took longer says nothing about the next."""
# Built once: every new job asks it.
_SNAPSHOT_TIME = select(ClusterRow.snapshot_at).where(ClusterRow.name == bindparam("name"))


def cluster_rows(session: Session, names: Sequence[str]) -> dict[str, ClusterRow]:
    """The rows of these clusters by name; one that no worker has driven yet has none."""
    return {row.name: row for row in session.scalars(select(ClusterRow).where(ClusterRow.name.in_(names)))}


def worker_signs(session: Session, names: Collection[str]) -> list[WorkerSign]:
    """Signs of life of these clusters' workers: narrow rows, for a look at each tick."""
    if not names:
        return []
    times = (ClusterRow.lease_expires_at, ClusterRow.reached_at, ClusterRow.unreachable_since)
    columns = (ClusterRow.name, ClusterRow.lease_token, *times, ClusterRow.commands)
    return [
        WorkerSign(name, token, expires_at, reached_at, unreachable_since is not None, _cycle_seconds(commands))
        for name, token, expires_at, reached_at, unreachable_since, commands in session.execute(
            select(*columns).where(ClusterRow.name.in_(names))
        )
    ]


def worker_sign(row: ClusterRow) -> WorkerSign:
    """Signs of life in a row that was read anyway."""
    is_unreachable, cycle_seconds = row.unreachable_since is not None, _cycle_seconds(row.commands)
    return WorkerSign(row.name, row.lease_token, row.lease_expires_at, row.reached_at, is_unreachable, cycle_seconds)


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


def _cycle_seconds(commands: Mapping[str, Any] | None) -> float:
    found = (commands or {}).get("cycle_seconds")
    if not isinstance(found, int | float) or not math.isfinite(found):
        return 0.0
    return float(min(max(found, 0), LONGEST_CYCLE_SECONDS))
