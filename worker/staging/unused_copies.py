"""Copies of data sets that nobody needs any more leave the cluster."""

import logging
from collections.abc import Sequence

from tuning.datasets import repository as datasets
from tuning.jobs.layout import dataset_path
from tuning.jobs.troubles import Step, Subject
from worker.driver import Drive
from worker.quarantine import Quarantine

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
Copy = tuple[str, str]
"""SHA-256 and extension."""


def collect_copies(drive: Drive) -> None:
    """One remote command when there are any. Raises ClusterError.

    Forgotten first, in a transaction of its own: no job is submitted on a copy that is about to go, and what is needed
    again meanwhile is staged again. To be called by the thread that stages, so that nothing is staged in between.
    """
    name = drive.settings.name
    with drive.load() as session:
        copies = datasets.unneeded_copies(session, name)
    if not copies:
        return
    drive.check()
    gone: list[Copy] = []
    quarantine = Quarantine(drive, Step.COLLECT, _subject)
    quarantine.forget_all_but(copies)
    quarantine.succeeded(quarantine.together(quarantine.due(copies), lambda part: gone.extend(_forget(drive, part))))
    if gone:
        drive.cluster.remove([dataset_path(drive.settings.root, *copy) for copy in gone])
        log.info("removed %s copies of data sets", len(gone), extra={"action": "removed", "cluster": name})


def _subject(copy: Copy) -> Subject:
    return Subject(copy[0])


def _forget(drive: Drive, copies: Sequence[Copy]) -> list[Copy]:
    """Those of them that still nobody needs: their files may go."""
    name = drive.settings.name
    with drive.apply() as session:
        unneeded = set(datasets.unneeded_copies(session, name))
        gone = [copy for copy in copies if copy in unneeded]
        for sha256, _ in gone:
            datasets.forget_staged(session, name, sha256)
    return gone
