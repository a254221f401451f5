"""Urgent jobs take GPUs from scavengers: these save a checkpoint, wait in the queue, and go on later.

A served model of the class scavenger ends, also for jobs that are not urgent: the next request starts it again.

A scavenger that is asked is marked first; worker.upkeep.cancel asks it, as for a hold. When it has ended it is queued
again, and the window keeps it back while an urgent job waits for GPUs (tuning.queue.window).
"""

import logging
from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import select, update

from tuning.jobs.attempt.continuation import YIELDED
from tuning.jobs.models import Attempt, Job
from tuning.jobs.queries.driver import may_need_room, update_jobs
from tuning.jobs.queries.queue.gpu_use import GpuUse
from tuning.jobs.queries.queue.standing import RunningRow, WaitingRow, queue_rows
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event
from tuning.jobs.troubles import Step, Subject
from tuning.llamafactory.kinds import SERVE
from tuning.queue.preemption import ScavengerRun, Yield, yields
from tuning.queue.waiting_job import JobClass
from worker.driver import Driver
from worker.quarantine import Quarantine
from worker.submit.cluster_cache import KnownCluster
from worker.submit.pools import pool_of, present_uses

log = logging.getLogger(__name__)

FOR_GPUS = ("Resources", "Priority")
"""Slurm's reasons of a job that only GPUs keep from starting."""
FOR_URGENT = "an urgent job needs its GPUs: it saves a checkpoint, and goes on when that one has started"
FOR_WAITING = "jobs that wait need its GPUs: it ends, and the next request starts it again"
"""Which job that is, the log tells: not all who see the run may see it."""


def make_room(driver: Driver, known: KnownCluster) -> None:
    """Ask as many scavengers to save as urgent jobs need that cannot start. No remote command."""
    name, quarantine = driver.settings.name, Quarantine(driver, Step.MAKE_ROOM, _subject)
    with driver.load() as session:
        if not may_need_room(session, name):
            return
        rows = queue_rows(session, name)
        lacking = [row for row in rows.waiting if _lacks_gpus(row)]
        uses = present_uses(session, driver, known, rows.running, {row.partition for row in lacking})
    chosen = [each for use in uses for each in _chosen(driver, use, lacking, quarantine.held)]
    quarantine.succeeded(quarantine.together(chosen, partial(_mark, driver)))


def _subject(each: Yield) -> Subject:
    return Subject.job(each.run.job_id)


def _lacks_gpus(row: WaitingRow) -> bool:
    may_take = row.job.job_class is not JobClass.SCAVENGER and row.status is JobStatus.PENDING
    return may_take and row.slurm_reason in FOR_GPUS


def _chosen(driver: Driver, use: GpuUse, lacking: Sequence[WaitingRow], held: Collection[str]) -> Sequence[Yield]:
    """Of those `held` after a failure none is asked: another run yields in its place."""
    pool = pool_of(use, driver.now(), timedelta(seconds=2 * driver.settings.poll_interval_seconds))
    waiting = [row.job for row in lacking if row.partition in use.partitions]
    in_order = sorted(waiting, key=lambda job: (job.queued_at, job.id))
    urgent = [job for job in in_order if job.job_class is JobClass.URGENT]
    runs = [row for row in use.runs if _may_yield(row) and row.job_id not in held]
    free = pool.free.together(pool.soon_free)
    found = yields(urgent, map(_scavenger, runs), free)
    taken = {each.run.job_id for each in found}
    left = free.plus_all(each.run for each in found).less_all(urgent)
    served = [_scavenger(row) for row in runs if row.kind == SERVE and row.job_id not in taken]
    others = [job for job in in_order if job.job_class is not JobClass.URGENT]
    return [*found, *yields(others, served, left)]


def _may_yield(row: RunningRow) -> bool:
    return row.job_class is JobClass.SCAVENGER and row.kind in ("train", SERVE) and not row.is_ending


def _scavenger(row: RunningRow) -> ScavengerRun:
    return ScavengerRun(row.job_id, row.gpus, row.started_at, row.gpu_type)


def _mark(driver: Driver, chosen: Sequence[Yield]) -> None:
    urgent_by_run = {each.run.job_id: each.urgent.id for each in chosen}
    running = select(Job.id, Job.attempt, Job.kind).where(Job.id.in_(urgent_by_run), Job.status == JobStatus.RUNNING)
    with driver.apply() as session:
        for job_id, number, kind in session.execute(running).all():
            own = (Attempt.job_id == job_id, Attempt.number == number, Attempt.ended_by.is_(None))
            session.execute(update(Attempt).where(*own).values(ended_by=YIELDED))
            reason = FOR_WAITING if kind == SERVE else FOR_URGENT
            record_event(session, job_id, "warning", reason, driver.now(), {"code": YIELDED})
            update_jobs(session, [{"id": job_id, "status_reason": reason}], driver.now())
            where = {"action": "yields", "job_id": job_id, "urgent_job": urgent_by_run[job_id]}
            log.warning("%s yields to %s", job_id, urgent_by_run[job_id], extra=where)
