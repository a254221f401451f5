"""Copies of data sets that nobody needs any more leave the cluster."""

import logging
from collections.abc import Sequence

from tuning.datasets import repository as datasets
from tuning.jobs.layout import dataset_path
from tuning.jobs.queries.use.dataset_use import IN_USE
from tuning.jobs.troubles import Step, Subject
from worker.driver import Driver
from worker.quarantine import Quarantine

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
Copy = tuple[str, str]
"""SHA-256 and extension."""


def collect_copies(driver: Driver) -> None:
    """One remote command when there are any. Raises ClusterError.

    Forgotten first, in a transaction of its own: no job is submitted on a copy that is about to go, and what is needed
    again meanwhile is staged again. To be called by the thread that stages, so that nothing is staged in between.
    """
    name = driver.settings.name
    with driver.load() as session:
        copies = datasets.unneeded_copies(session, name, IN_USE)
    if not copies:
        return
    driver.check()
    gone: list[Copy] = []
    quarantine = Quarantine(driver, Step.COLLECT, _subject)
    quarantine.forget_all_but(copies)
    quarantine.succeeded(quarantine.together(quarantine.due(copies), lambda part: gone.extend(_forget(driver, part))))
    if gone:
        driver.cluster.remove([dataset_path(driver.settings.root, *copy) for copy in gone])
        log.info("removed %s copies of data sets", len(gone), extra={"action": "removed", "cluster": name})


def _subject(copy: Copy) -> Subject:
    return Subject(copy[0])


def _forget(driver: Driver, copies: Sequence[Copy]) -> list[Copy]:
    """Those of them that still nobody needs: their files may go."""
    name = driver.settings.name
    with driver.apply() as session:
        unneeded = set(datasets.unneeded_copies(session, name, IN_USE))
        gone = [copy for copy in copies if copy in unneeded]
        for sha256, _ in gone:
            datasets.forget_staged(session, name, sha256)
    return gone
