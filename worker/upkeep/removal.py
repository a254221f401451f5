"""Removal of files from the cluster: checkpoints that nobody wants, secrets of attempts that have ended."""

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
    paths = {f"{job_directory(driver.settings.root, one.job_id)}/{one.path}": one for one in wanted}
    gone = set(driver.cluster.remove(list(paths)))
    removed = [one for path, one in paths.items() if path in gone]
    forgotten = quarantine.together(removed, partial(_forget, driver))
    left = {one.job_id: (path, one) for path, one in paths.items() if path not in gone}
    for path, one in left.values():
        quarantine.failed(one, RemoteFileError(f"{path} cannot be removed on the cluster"))
    quarantine.succeeded(one for one in forgotten if one.job_id not in left)
    log.info("removed %s folders", len(removed), extra={"action": "removed", "cluster": name})


def _subject(one: Unwanted) -> Subject:
    return Subject.job(one.job_id)


def _forget(driver: Driver, removed: Sequence[Unwanted]) -> None:
    with driver.apply() as session:
        forget_removed(session, removed, driver.now())
