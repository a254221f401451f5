"""Copies of data sets that nobody needs any more leave the cluster."""

import logging

from tuning.datasets import repository as datasets
from tuning.jobs.paths import dataset_path
from worker.drive import Drive

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0


def collect_copies(drive: Drive) -> None:
    """One remote command when there are any. Raises ClusterError.

    Forgotten first, in a transaction of its own: no job is submitted on a copy that is about to go, and what is needed
    again meanwhile is staged again. To be called by the thread that stages, so that nothing is staged in between.
    """
    name = drive.settings.name
    with drive.load() as session:
        if not datasets.unneeded_copies(session, name):
            return
    drive.check()
    with drive.apply() as session:
        copies = datasets.unneeded_copies(session, name)
        for sha256, _ in copies:
            datasets.forget_staged(session, name, sha256)
    drive.cluster.remove([dataset_path(drive.settings.root, *copy) for copy in copies])
    log.info("removed %s copies of data sets", len(copies), extra={"action": "removed", "cluster": name})
