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
from tuning.jobs.queries.use import limited_jobs, load_limits, uses
from tuning.jobs.status import JobStatus
from tuning.queue.limits import Account, LimitedJob, Limits, Use
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
    limits: Limits
    uses: Mapping[Account, Use]
    """Of the limits that hold while a job runs. Sizes of results are left out: their sum costs too much for a look."""
    limited: Mapping[str, LimitedJob]
    """The queued jobs as limits see them; empty where there are no limits."""


def read_queue(session: Session, cluster: str, now: datetime) -> Readings:
    """A dozen narrow statements, the same number however many jobs there are."""
    snapshot_at = snapshot_time(session, cluster)
    rows, limits = queue_rows(session, cluster), load_limits(session)
    queued = [row.job.id for row in rows.waiting if row.status is JobStatus.QUEUED] if limits.all else []
    return Readings(
        cluster,
        now,
        rows,
        waiting_rows(session, cluster, (JobStatus.HELD,)),
        unmet_dependencies(session, cluster),
        run_parts(session, cluster),
        snapshot_of(session, cluster) if snapshot_at is not None else None,
        snapshot_at,
        gpus_given_back(session, cluster, snapshot_at) if snapshot_at is not None else {},
        limits,
        uses(session, limits, now, results=()) if queued else {},
        {job.id: job for job in limited_jobs(session, queued)} if queued else {},
    )
