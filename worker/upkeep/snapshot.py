"""Snapshot of the cluster (partitions, nodes, image, data sets), kept in its row: requests are checked with it."""

import time
from typing import Any

from tuning.clusters.models import ClusterRow
from tuning.slurm.inventory import Inventory
from worker.driver import Driver
from worker.staging.copies import CopiesCheck
from worker.upkeep.model_reading import ModelReader, still_true
from worker.upkeep.root_ownership import RootOwnership

EVERY_SECONDS = 60.0


class SnapshotKeeper:
    """Asks now and then; the first time the folders on the cluster are made, too."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._root = RootOwnership(driver)
        self._asked_at: float | None = None
        self._copies = CopiesCheck(driver)
        self._models = ModelReader(driver)

    def refresh_if_old(self) -> None:
        """One remote command a minute, and another where there are models to read.

        Raises ClusterError, ForeignRoot among them: then nothing is done there.
        """
        if self._asked_at is not None and time.monotonic() - self._asked_at < EVERY_SECONDS:
            return
        if self._asked_at is None:
            self._driver.cluster.prepare()
        known = self._copies.known()
        inventory = self._root.described()
        self._asked_at = time.monotonic()
        if inventory is None:
            return
        if inventory.copies is None and inventory.is_writable:  # our root is there, and somebody removed a folder of it
            self._driver.cluster.prepare()
        self._copies.compare(known, inventory.copies)
        now = self._driver.now()
        with self._driver.apply() as session:
            row = session.get_one(ClusterRow, self._driver.settings.name)
            row.snapshot, row.snapshot_at = _with_what_was_known(inventory, row.snapshot), now
        self._models.read_new(inventory.model_stamps)


def _with_what_was_known(inventory: Inventory, old: dict[str, Any] | None) -> dict[str, Any]:
    """A register that cannot be read for once (somebody is just writing it) is taken to be as it was."""
    new = inventory.to_json()
    datasets = new["datasets"] if new["datasets"] is not None else (old or {}).get("datasets")
    return {**new, "datasets": datasets, "model_files": still_true(old, inventory.model_stamps)}
