"""Reading of models' files on the cluster: once for each model of the catalogue, and again when its files change."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from tuning.clusters.models import ClusterRow
from tuning.errors import ClusterError
from tuning.llamafactory.model_files.described import ModelFiles, files_from_json, files_to_json
from tuning.llamafactory.model_files.markers import all_markers
from worker.driver import Driver

MOST_AT_ONCE = 8
"""Models in one remote command."""
AGAIN_SECONDS = 3600.0
"""A model that did not answer is asked for again so much later: it stays unknown until then."""


class ModelReader:
    """Asks for what is not known yet; what it finds lies in the cluster's row, with the rest of its description."""

    def __init__(self, driver: Driver, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._driver, self._monotonic = driver, monotonic
        self._put_off: dict[tuple[str, str], float] = {}
        """Since when, by path and stamp."""
        self._at_once = MOST_AT_ONCE

    def read_new(self, stamps: Mapping[str, str]) -> None:
        """One remote command where there is something to read. Raises ClusterError."""
        due = self._due(stamps)
        if not due:
            self._at_once = MOST_AT_ONCE
            return
        try:
            found = self._driver.cluster.read_models(due, all_markers())
        except ClusterError:
            self._at_once = 1  # so that one bad folder keeps no other from being read
            if len(due) == 1:
                self._put_off |= dict.fromkeys(due.items(), self._monotonic())
            raise
        first = next(iter(due.items()))
        if first[0] not in found:  # of the others too little may have been left
            self._put_off[first] = self._monotonic()
        self._keep(found)

    def _due(self, stamps: Mapping[str, str]) -> dict[str, str]:
        known = self._known()
        unread = [(path, stamp) for path, stamp in stamps.items() if known.get(path) != stamp]
        return dict([each for each in unread if not self._is_put_off(each)][: self._at_once])

    def _is_put_off(self, model: tuple[str, str]) -> bool:
        since = self._put_off.get(model)
        return since is not None and self._monotonic() - since < AGAIN_SECONDS

    def _known(self) -> Mapping[str, str]:
        with self._driver.load() as session:
            snapshot = session.get_one(ClusterRow, self._driver.settings.name).snapshot
        return {path: files.stamp for path, files in _kept_files(snapshot).items()}

    def _keep(self, found: Mapping[str, ModelFiles]) -> None:
        new = {path: files_to_json(files) for path, files in found.items()}
        if not new:
            return
        with self._driver.apply() as session:
            row = session.get_one(ClusterRow, self._driver.settings.name)
            row.snapshot = {**(row.snapshot or {}), "model_files": {**_stored(row.snapshot), **new}}
            row.snapshot_at = self._driver.now()


def still_true(snapshot: Mapping[str, Any] | None, stamps: Mapping[str, str]) -> dict[str, Any]:
    """Descriptions of models' files, without those that have changed since, or are no longer in the catalogue."""
    kept = _stored(snapshot)
    return {path: kept[path] for path, files in _kept_files(snapshot).items() if stamps.get(path) == files.stamp}


def _kept_files(snapshot: Mapping[str, Any] | None) -> dict[str, ModelFiles]:
    read = {path: files_from_json(stored) for path, stored in _stored(snapshot).items()}
    return {path: files for path, files in read.items() if files is not None}


def _stored(snapshot: Mapping[str, Any] | None) -> dict[str, Any]:
    stored = (snapshot or {}).get("model_files")
    return stored if isinstance(stored, dict) else {}
