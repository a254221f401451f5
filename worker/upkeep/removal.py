"""Removal of files from the cluster: checkpoints and outputs that nobody wants, secrets of attempts that have ended."""

import logging
from collections.abc import Sequence
from functools import partial

from tuning.errors import RemoteFileError
from tuning.jobs.actions.removals import Unwanted, forget_removed, wanted_removals
from tuning.jobs.layout import job_directory
from tuning.jobs.troubles import Step, Subject
from worker.driver import Driver
from worker.quarantine import Quarantine

log = logging.getLogger(__name__)

BATCH = 200


def remove_unwanted(driver: Driver) -> None:
    """One remote command for all of them, none when there are none. Raises ClusterError."""
    name = driver.settings.name
    with driver.load() as session:
        if not wanted_removals(session, name, 1):
            return
    quarantine = Quarantine(driver, Step.REMOVE, _subject)
    with driver.load() as session:
        wanted = wanted_removals(session, name, BATCH, but_not=quarantine.held)
    if not wanted:
        return
    driver.check()
    paths = {f"{job_directory(driver.settings.root, unwanted.job_id)}/{unwanted.path}": unwanted for unwanted in wanted}
    gone = set(driver.cluster.remove(list(paths)))
    removed = [unwanted for path, unwanted in paths.items() if path in gone]
    forgotten = quarantine.together(removed, partial(_forget, driver))
    left = {unwanted.job_id: (path, unwanted) for path, unwanted in paths.items() if path not in gone}
    for path, unwanted in left.values():
        quarantine.failed(unwanted, RemoteFileError(f"{path} cannot be removed on the cluster"))
    quarantine.succeeded(unwanted for unwanted in forgotten if unwanted.job_id not in left)
    log.info("removed %s folders", len(removed), extra={"action": "removed", "cluster": name})


def _subject(unwanted: Unwanted) -> Subject:
    return Subject.job(unwanted.job_id)


def _forget(driver: Driver, removed: Sequence[Unwanted]) -> None:
    with driver.apply() as session:
        forget_removed(session, removed, driver.now())
