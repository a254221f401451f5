"""What is to leave the cluster is removed there: checkpoints that nobody wants, secrets of attempts that have ended."""

import logging

from tuning.jobs.paths import job_directory
from tuning.jobs.removals import forget_removed, wanted_removals
from worker.drive import Drive

log = logging.getLogger(__name__)

BATCH = 200


def remove_unwanted(drive: Drive) -> None:
    """One remote command for all of them, none when there are none. Raises ClusterError."""
    with drive.load() as session:
        wanted = wanted_removals(session, drive.settings.name, BATCH)
    if not wanted:
        return
    drive.check()
    paths = {f"{job_directory(drive.settings.root, one.job_id)}/{one.path}": one for one in wanted}
    gone = drive.cluster.remove(list(paths))
    with drive.apply() as session:
        forget_removed(session, [paths[path] for path in gone], drive.now())
    log.info("removed %s folders", len(gone), extra={"action": "removed", "cluster": drive.settings.name})
