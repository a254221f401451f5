"""Uploaded data sets go to the cluster once per content, in a thread of their own: a large one must not stop us."""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import BinaryIO

from sqlalchemy.orm import Session

from tuning.containment import Contained
from tuning.datasets import repository as datasets
from tuning.datasets.models import Dataset
from tuning.datasets.storage.store import ContentStore
from tuning.db.database_errors import complaint
from tuning.errors import CommandTimedOut, DatasetUnreadable, LeaseLost, RemoteFileError, UploadDamaged
from tuning.jobs.layout import dataset_path
from tuning.jobs.queries.driver import update_jobs, waiting
from tuning.jobs.troubles import Step, Subject
from worker.backoff import delay_seconds
from worker.driver import Driver
from worker.quarantine import FORESEEN, Quarantine
from worker.staging.unused_copies import EVERY_SECONDS, collect_copies
from worker.step_guard import StepGuard

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
BATCH = 1000

_OF_ONE_DATASET = (RemoteFileError, CommandTimedOut, UploadDamaged)
"""What another one may still be copied after: a command that takes too long may be this one's size."""

Needs = Mapping[str, Sequence[str]]
"""The ids of the data sets that each waiting job needs."""


def keep_staging(driver: Driver, store: ContentStore, stop: threading.Event) -> None:
    """Copy what queued jobs need, remove what nobody needs, until the worker stops or the lease is lost."""
    failures, collected_at, guard = 0, time.monotonic(), StepGuard(driver)
    while not stop.is_set() and not driver.lost.is_set():
        with Contained() as attempt:
            if _may_work(driver):
                guard.run(Step.STAGE, lambda: stage_missing(driver, store))
            if _may_work(driver) and time.monotonic() - collected_at > EVERY_SECONDS:
                guard.run(Step.COLLECT, lambda: collect_copies(driver))
                collected_at = time.monotonic()
        if isinstance(attempt.error, LeaseLost):
            return
        failures = failures + 1 if attempt.error is not None else 0
        if attempt.error is not None:
            _say_failed(driver, attempt.error)
        driver.lost.wait(delay_seconds(failures, LOOK_SECONDS, 0.5))


def stage_missing(driver: Driver, store: ContentStore) -> int:
    """Copy every content that waiting jobs need, the smallest first; returns how many were copied.

    One that cannot be copied holds up its own jobs only. Raises ClusterError when the cluster cannot be reached.
    """
    name = driver.settings.name
    with driver.load() as session:
        needs = waiting(session, name, BATCH, driver.now())
        rows = _rows(session, needs)
        there = datasets.staged(session, name, {row.sha256 for row in rows.values()})
    missing = {row.sha256: row for row in rows.values() if row.sha256 not in there}
    if not missing:
        return 0

    def subject(row: Dataset) -> Subject:
        return Subject(row.id, [job_id for job_id, ids in needs.items() if row.id in ids])

    quarantine = Quarantine(driver, Step.STAGE, subject, own=_OF_ONE_DATASET)
    smallest_first = sorted(missing.values(), key=lambda row: row.size_bytes)

    def stage(row: Dataset) -> None:
        _stage(driver, store, row, subject(row).job_ids)
        quarantine.succeeded([row])

    return len(quarantine.each(quarantine.due(smallest_first), stage))


def staged_jobs(session: Session, cluster: str, needs: Needs) -> list[str]:
    """The jobs among these whose data sets all lie on the cluster, in their order."""
    rows = _rows(session, needs)
    there = datasets.staged(session, cluster, {row.sha256 for row in rows.values()}) if rows else frozenset()
    return [job_id for job_id, ids in needs.items() if all(rows[dataset_id].sha256 in there for dataset_id in ids)]


def _may_work(driver: Driver) -> bool:
    return driver.owns_root.is_set() and not driver.breaker.is_open


def _rows(session: Session, needs: Needs) -> dict[str, Dataset]:
    wanted = {dataset_id for ids in needs.values() for dataset_id in ids}
    return datasets.by_ids(session, wanted)


def _stage(driver: Driver, store: ContentStore, row: Dataset, job_ids: Sequence[str]) -> None:
    driver.check()
    _say(driver, job_ids, f"copying the data set {row.name} to {driver.settings.name}")
    path = dataset_path(driver.settings.root, row.sha256, row.extension)
    try:
        with _content(store, row) as stream:
            driver.cluster.stage(stream, row.size_bytes, row.sha256, path)
    except DatasetUnreadable:
        if not driver.cluster.has_content(row.size_bytes, row.sha256, path):  # else it was away, and has come back
            raise
    with driver.apply() as session:
        datasets.mark_staged(session, driver.settings.name, row.sha256, driver.now())
    log.info("staged %s", row.sha256, extra={"action": "staged", "cluster": driver.settings.name})


def _content(store: ContentStore, row: Dataset) -> BinaryIO:
    """The content, to be read. Raises DatasetUnreadable."""
    try:
        return store.path(row.sha256, row.extension).open("rb")
    except OSError as error:
        place = "on the cluster" if row.cluster else "in the server's store"
        word = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        hint = "bring it back, or make the data set again"
        raise DatasetUnreadable(f"the content of the data set {row.name} {word} {place}", hint=hint) from error


def _say(driver: Driver, job_ids: Sequence[str], reason: str) -> None:
    with driver.apply() as session:
        update_jobs(session, [{"id": job_id, "status_reason": reason} for job_id in job_ids], driver.now())


def _say_failed(driver: Driver, error: BaseException) -> None:
    trace = None if isinstance(error, FORESEEN) else error
    where = {"action": "stage_failed", "cluster": driver.settings.name}
    log.warning("staging failed: %s", complaint(error), exc_info=trace, extra=where)
