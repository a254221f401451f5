"""What is to leave the cluster is removed there: checkpoints that nobody wants, secrets of attempts that have ended."""

import logging
from collections.abc import Sequence
from functools import partial

from tuning.errors import RemoteFileError
from tuning.jobs.actions.removals import Unwanted, forget_removed, wanted_removals
from tuning.jobs.layout import job_directory
from tuning.jobs.troubles import Step, Subject
from worker.driver import Drive
from worker.quarantine import Quarantine

log = logging.getLogger(__name__)

BATCH = 200


def remove_unwanted(drive: Drive) -> None:
    """One remote command for all of them, none when there are none. Raises ClusterError."""
    name = drive.settings.name
    with drive.load() as session:
        if not wanted_removals(session, name, 1):
            return
    quarantine = Quarantine(drive, Step.REMOVE, _subject)
    with drive.load() as session:
        wanted = wanted_removals(session, name, BATCH, but_not=quarantine.held)
    if not wanted:
        return
    drive.check()
    paths = {f"{job_directory(drive.settings.root, one.job_id)}/{one.path}": one for one in wanted}
    gone = set(drive.cluster.remove(list(paths)))
    removed = [one for path, one in paths.items() if path in gone]
    forgotten = quarantine.together(removed, partial(_forget, drive))
    left = {one.job_id: (path, one) for path, one in paths.items() if path not in gone}
    for path, one in left.values():
        quarantine.failed(one, RemoteFileError(f"{path} cannot be removed on the cluster"))
    quarantine.succeeded(one for one in forgotten if one.job_id not in left)
    log.info("removed %s folders", len(removed), extra={"action": "removed", "cluster": name})


def _subject(one: Unwanted) -> Subject:
    return Subject.job(one.job_id)


def _forget(drive: Drive, removed: Sequence[Unwanted]) -> None:
    with drive.apply() as session:
        forget_removed(session, removed, drive.now())
