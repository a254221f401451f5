"""Uploaded data sets go to the cluster once per content, in a thread of their own: a large one must not stop us."""

import logging
import threading
import time
from collections.abc import Mapping, Sequence

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tuning.datasets import repository as datasets
from tuning.datasets.models import Dataset
from tuning.datasets.store import ContentStore
from tuning.errors import ClusterError, LeaseLost, RemoteFileError
from tuning.jobs.live import update_jobs, waiting
from tuning.jobs.paths import dataset_path
from worker.backoff import delay_seconds
from worker.collect import EVERY_SECONDS, collect_copies
from worker.drive import Drive

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
BATCH = 1000

Needs = Mapping[str, Sequence[str]]
"""The ids of the data sets that each waiting job needs."""


def keep_staging(drive: Drive, store: ContentStore, stop: threading.Event) -> None:
    """Copy what queued jobs need, remove what nobody needs, until the worker stops or the lease is lost."""
    failures, collected_at = 0, time.monotonic()
    while not stop.is_set() and not drive.lost.is_set():
        try:
            if _may_work(drive):
                stage_missing(drive, store)
            if _may_work(drive) and time.monotonic() - collected_at > EVERY_SECONDS:
                collect_copies(drive)
                collected_at = time.monotonic()
            failures = 0
        except LeaseLost:
            return
        except (ClusterError, OperationalError) as error:
            failures += 1
            log.warning("staging failed: %s", error, extra={"action": "stage_failed", "cluster": drive.settings.name})
        drive.lost.wait(delay_seconds(failures, LOOK_SECONDS, 0.5))


def stage_missing(drive: Drive, store: ContentStore) -> int:
    """Copy every content that waiting jobs need; returns how many. Raises ClusterError when one cannot be copied."""
    with drive.load() as session:
        needs = waiting(session, drive.settings.name, BATCH)
        rows = _rows(session, needs)
        there = datasets.staged(session, drive.settings.name, {row.sha256 for row in rows.values()})
    missing = {row.sha256: row for row in rows.values() if row.sha256 not in there}
    for row in missing.values():
        _stage(drive, store, row, [job_id for job_id, ids in needs.items() if row.id in ids])
    return len(missing)


def staged_jobs(session: Session, cluster: str, needs: Needs) -> list[str]:
    """Those of the waiting jobs whose data sets all lie on the cluster, in their order."""
    rows = _rows(session, needs)
    there = datasets.staged(session, cluster, {row.sha256 for row in rows.values()}) if rows else frozenset()
    return [job_id for job_id, ids in needs.items() if all(rows[one].sha256 in there for one in ids)]


def _may_work(drive: Drive) -> bool:
    return drive.owns_root.is_set() and not drive.breaker.is_open


def _rows(session: Session, needs: Needs) -> dict[str, Dataset]:
    wanted = {one for ids in needs.values() for one in ids}
    return datasets.by_ids(session, wanted) if wanted else {}


def _stage(drive: Drive, store: ContentStore, row: Dataset, job_ids: Sequence[str]) -> None:
    drive.check()
    _say(drive, job_ids, f"copying the data set {row.name} to {drive.settings.name}")
    path = dataset_path(drive.settings.root, row.sha256, row.extension)
    try:
        with store.path(row.sha256, row.extension).open("rb") as stream:
            drive.cluster.stage(stream, row.size_bytes, row.sha256, path)
    except FileNotFoundError as error:
        if drive.cluster.has_content(row.size_bytes, row.sha256, path):  # it was away, and has come back
            _mark(drive, row)
            return
        place = "on the cluster" if row.cluster else "in the server's store"
        _say(drive, job_ids, f"waiting: the content of the data set {row.name} is missing {place}")
        raise RemoteFileError(f"{row.sha256} is lost: bring it back, or make the data set again") from error
    except ClusterError as error:
        _say(drive, job_ids, f"waiting: the data set {row.name} cannot be copied: {error}")
        raise
    _mark(drive, row)


def _mark(drive: Drive, row: Dataset) -> None:
    with drive.apply() as session:
        datasets.mark_staged(session, drive.settings.name, row.sha256, drive.now())
    log.info("staged %s", row.sha256, extra={"action": "staged", "cluster": drive.settings.name})


def _say(drive: Drive, job_ids: Sequence[str], reason: str) -> None:
    with drive.apply() as session:
        update_jobs(session, [{"id": job_id, "status_reason": reason} for job_id in job_ids], drive.now())
