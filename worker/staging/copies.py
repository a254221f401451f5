"""Copies of data sets on a cluster that are gone, or were changed: forgotten, so that they are staged again."""

import logging
from collections.abc import Iterable, Mapping, Sequence

from tuning.datasets import repository as datasets
from tuning.slurm.inventory import CopyStat
from worker.driver import Driver

log = logging.getLogger(__name__)

KnownCopy = tuple[str, str, int]
"""SHA-256, extension and size of a copy that should be there."""


class CopiesCheck:
    """Compares what the cluster's folder holds with what should be there, from look to look."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._earlier: Mapping[str, CopyStat] = {}

    def known(self) -> Sequence[KnownCopy]:
        """The copies that should be there, to be asked before the look: it does not judge what is staged meanwhile."""
        with self._driver.load() as session:
            return datasets.copies(session, self._driver.settings.name)

    def compare(self, known: Sequence[KnownCopy], found: Mapping[str, CopyStat] | None) -> None:
        """Forget those that are not as they should be; nothing where the folder could not be looked at."""
        if found is None:
            return
        forget_copies(self._driver, lost_copies(known, found, self._earlier))
        self._earlier = found


def lost_copies(
    known: Sequence[KnownCopy], found: Mapping[str, CopyStat], earlier: Mapping[str, CopyStat]
) -> frozenset[str]:
    """The contents of which no file is there in its size, as it was at the earlier look. Pure.

    A file that somebody has written to may still hold the same: whoever stages it looks at its content.
    """
    whole = set()
    for sha256, extension, size_bytes in known:
        name = f"{sha256}.{extension}"
        stat = found.get(name)
        if stat is not None and stat.size_bytes == size_bytes and earlier.get(name, stat) == stat:
            whole.add(sha256)
    return frozenset(sha256 for sha256, _, _ in known) - whole


def forget_copies(driver: Driver, contents: Iterable[str]) -> None:
    """These contents (by SHA-256) are not on the cluster any more: jobs wait until they have been staged again."""
    gone = sorted(contents)
    if not gone:
        return
    name = driver.settings.name
    with driver.apply() as session:
        for sha256 in gone:
            datasets.forget_staged(session, name, sha256)
    log.warning(
        "%s copies of data sets are gone or changed", len(gone), extra={"action": "copies_gone", "cluster": name}
    )
