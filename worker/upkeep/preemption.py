"""Urgent jobs take GPUs from scavengers: these save a checkpoint, wait in the queue, and go on later.

A scavenger that is asked is marked first; worker.upkeep.cancel asks it, as for a hold. When it has ended it is queued
again, and the window keeps it back while an urgent job waits for GPUs (tuning.queue.window).
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tuning.jobs.attempt.continuation import YIELDED
from tuning.jobs.models import Attempt, Job
from tuning.jobs.queries.driver import is_any_urgent, update_jobs
from tuning.jobs.queries.gpu_use import GpuUse
from tuning.jobs.queries.standing import RunningRow, WaitingRow, queue_rows
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event
from tuning.queue.preemption import ScavengerRun, Yield, yields
from tuning.queue.waiting_job import JobClass
from worker.driver import Driver
from worker.submit.cluster_cache import KnownCluster
from worker.submit.pools import pool_of, present_uses

FOR_GPUS = ("Resources", "Priority")
"""Slurm's reasons of a job that only GPUs keep from starting."""


def make_room(driver: Driver, known: KnownCluster) -> None:
    """Ask as many scavengers to save as urgent jobs need that cannot start. No remote command."""
    name = driver.settings.name
    with driver.load() as session:
        if not is_any_urgent(session, name):
            return
        rows = queue_rows(session, name)
        urgent = [row for row in rows.waiting if _lacks_gpus(row)]
        uses = present_uses(session, driver, known, rows.running, {row.partition for row in urgent})
        chosen = [each for use in uses for each in _chosen(driver, use, urgent)]
    if chosen:
        with driver.apply() as session:
            _mark(session, driver, chosen)


def _lacks_gpus(row: WaitingRow) -> bool:
    is_urgent = row.job.job_class is JobClass.URGENT and row.status is JobStatus.PENDING
    return is_urgent and row.slurm_reason in FOR_GPUS


def _chosen(driver: Driver, use: GpuUse, lacking: Sequence[WaitingRow]) -> Sequence[Yield]:
    pool = pool_of(use, driver.now(), timedelta(seconds=2 * driver.settings.poll_interval_seconds))
    waiting = [row.job for row in lacking if row.partition in use.partitions]
    urgent = sorted(waiting, key=lambda job: (job.queued_at, job.id))
    scavengers = [_scavenger(row) for row in use.runs if _may_yield(row)]
    return yields(urgent, scavengers, pool.free_gpus + pool.soon_free_gpus)


def _may_yield(row: RunningRow) -> bool:
    return row.job_class is JobClass.SCAVENGER and row.kind == "train" and not row.is_ending


def _scavenger(row: RunningRow) -> ScavengerRun:
    return ScavengerRun(row.job_id, row.gpus, row.started_at)


def _mark(session: Session, driver: Driver, chosen: Sequence[Yield]) -> None:
    urgent_by_run = {each.run.job_id: each.urgent.id for each in chosen}
    running = select(Job.id, Job.attempt).where(Job.id.in_(urgent_by_run), Job.status == JobStatus.RUNNING)
    for job_id, number in session.execute(running).all():
        own = (Attempt.job_id == job_id, Attempt.number == number, Attempt.ended_by.is_(None))
        session.execute(update(Attempt).where(*own).values(ended_by=YIELDED))
        urgent = urgent_by_run[job_id]
        message = (
            f"the urgent job {urgent} needs its GPUs: it saves a checkpoint, and goes on when that one has started"
        )
        record_event(session, job_id, "warning", message, driver.now(), {"code": YIELDED, "urgent_job": urgent})
        update_jobs(session, [{"id": job_id, "status_reason": message}], driver.now())
