"""Readings of a cluster's queue: everything that places and forecasts follow from, read in one session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from tuning.clusters.repository import snapshot_of, snapshot_time
from tuning.clusters.snapshot import Snapshot
from tuning.jobs.queries.dependencies import unmet_dependencies
from tuning.jobs.queries.run_parts import gpus_given_back, run_parts
from tuning.jobs.queries.standing import QueueRows, WaitingRow, queue_rows, waiting_rows
from tuning.jobs.status import JobStatus
from tuning.queue.waiting_job import Person


@dataclass(frozen=True)
class Readings:
    """Rows of a cluster's queue at a moment, and the cluster as it last described itself."""

    cluster: str
    read_at: datetime
    rows: QueueRows
    held: Sequence[WaitingRow]
    unmet: Mapping[str, Sequence[str]]
    """Of the queued jobs that wait for others, the ids of these."""
    parts: Mapping[Person, Sequence[float]]
    """Of their time limits that people's last runs took."""
    snapshot: Snapshot | None
    snapshot_at: datetime | None
    given_back: Mapping[str, int]
    """GPUs of our runs that have ended since, by partition as asked for."""


def read_queue(session: Session, cluster: str, now: datetime) -> Readings:
    """A dozen narrow statements, the same number however many jobs there are."""
    snapshot_at = snapshot_time(session, cluster)
    return Readings(
        cluster,
        now,
        queue_rows(session, cluster),
        waiting_rows(session, cluster, (JobStatus.HELD,)),
        unmet_dependencies(session, cluster),
        run_parts(session, cluster),
        snapshot_of(session, cluster) if snapshot_at is not None else None,
        snapshot_at,
        gpus_given_back(session, cluster, snapshot_at) if snapshot_at is not None else {},
    )
