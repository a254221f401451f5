"""Readiness of served models: the record `serving` of a run, read with the cycle's look, becomes its row."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.jobs.layout import record_path
from tuning.jobs.models import Attempt, Job
from tuning.jobs.queries.driver import LiveAttempt, update_jobs
from tuning.jobs.serving.servers import ModelServer, life_words
from tuning.jobs.status import ON_CLUSTER, JobStatus
from tuning.jobs.transition import record_event
from tuning.slurm.attempt_records import ServingRecord, parse_serving
from tuning.slurm.cluster import FileStat, ReadRequest
from worker.driver import Driver
from worker.observe.set_aside import note_set_aside

log = logging.getLogger(__name__)

RECORD_BYTES = 4096


def unready_servers(session: Session, cluster: str) -> frozenset[str]:
    """Ids of the jobs on a cluster whose model is not loaded yet, as far as is known."""
    own = (ModelServer.cluster == cluster, ModelServer.ready_at.is_(None))
    wanted = select(ModelServer.job_id).join(Job, Job.id == ModelServer.job_id).where(*own, Job.status.in_(ON_CLUSTER))
    return frozenset(session.scalars(wanted))


def serving_paths(root: str, unready: Collection[str], attempts: Iterable[LiveAttempt]) -> list[str]:
    """The records to look for: none for a job that is ready, or serves nothing."""
    return [_path(root, live) for live in attempts if live.job_id in unready]


def serving_requests(
    root: str, unready: Collection[str], files: Mapping[str, FileStat], attempts: Iterable[LiveAttempt]
) -> list[ReadRequest]:
    """Reads of the records that are there."""
    return [ReadRequest(path, 0, RECORD_BYTES) for path in serving_paths(root, unready, attempts) if path in files]


def note_ready(driver: Driver, attempts: Sequence[LiveAttempt], contents: Mapping[str, bytes]) -> None:
    """Write down where these models are served, once their records are there."""
    told = [(live, text) for live in attempts if (text := contents.get(_path(driver.settings.root, live)))]
    if not told:
        return
    with driver.apply() as session:
        for live, text in told:
            record = parse_serving(text)
            if record is not None and record.start.slurm_job_id == live.slurm_job_id:
                _note(session, driver, live, record)
            elif record is None:
                note_set_aside(session, live.job_id, live.number, "serving", "it says no port", driver.now())


def _note(session: Session, driver: Driver, live: LiveAttempt, record: ServingRecord) -> None:
    server, job = session.get(ModelServer, live.job_id), session.get(Job, live.job_id)
    if server is None or job is None or server.ready_at is not None or job.status is not JobStatus.RUNNING:
        return
    now = driver.now()
    server.node, server.address, server.port, server.ready_at = record.start.node, record.address, record.port, now
    attempt = session.get_one(Attempt, (live.job_id, live.number))
    ends_at = (attempt.started_at or now) + timedelta(seconds=job.limit_seconds)
    reason = f"serving on {record.start.node}, {life_words(ends_at, driver.settings.serve_idle_seconds)}"
    session.flush()
    update_jobs(session, [{"id": live.job_id, "status_reason": reason, "expected_end_at": ends_at}], now)
    record_event(session, live.job_id, "job.serving", reason, now)
    log.info("%s is ready", live.job_id, extra={"action": "serving", "job_id": live.job_id})


def _path(root: str, live: LiveAttempt) -> str:
    return record_path(root, live.job_id, live.number, "serving")
