"""Pools of GPUs as the window counts them: by the partitions of jobs, with those that come free soon."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from tuning.jobs.queries.queue.gpu_use import GpuUse, gpu_uses
from tuning.jobs.queries.queue.standing import RunningRow
from tuning.jobs.queries.run_parts import gpus_given_back
from tuning.queue.waiting_job import RunningJob
from tuning.queue.window import Pool
from worker.driver import Driver
from worker.submit.cluster_cache import KnownCluster


def present_uses(
    session: Session, driver: Driver, known: KnownCluster, running: Sequence[RunningRow], waiting: Iterable[str]
) -> list[GpuUse]:
    """The use of the cluster's GPUs by pool, for jobs of the partitions `waiting`; empty where none is known."""
    description = known.description(session)
    if description.snapshot_at is None:
        return []
    given_back = gpus_given_back(session, driver.settings.name, description.snapshot_at)
    return gpu_uses(description.snapshot, description.snapshot_at, running, given_back, waiting)


def pool_of(use: GpuUse, now: datetime, soon: timedelta) -> Pool:
    """The GPUs that our jobs can have, now or `soon`."""
    return Pool(
        free=use.free,
        soon_free=use.gpus.none().plus_all(row for row in use.runs if _ends_by(row, now + soon)),
        running=[RunningJob(row.gpus, row.started_at + row.limit_seconds, row.gpu_type) for row in use.runs],
    )


def _ends_by(row: RunningRow, at: datetime) -> bool:
    is_expected = row.expected_end_at is not None and row.expected_end_at <= at
    return row.is_ending or is_expected or row.started_at + row.limit_seconds <= at.timestamp()
