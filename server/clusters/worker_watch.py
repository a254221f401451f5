"""Watch over the clusters' workers: the signs of life that feed and requests see, judged when somebody asks."""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from tuning.clusters.attendance import Absence, Pace, Sighting, WorkerSign, absence, sighting
from tuning.settings import ClusterSettings


class WorkerWatch:
    """The newest sighting of each cluster's worker. Of a cluster that the settings do not name nothing is told."""

    def __init__(
        self, clusters: Mapping[str, ClusterSettings], lease_seconds: float, now: Callable[[], datetime]
    ) -> None:
        self._paces = {
            name: Pace(cluster.poll_interval_seconds, cluster.command_timeout_seconds)
            for name, cluster in clusters.items()
        }
        self._lease_seconds = lease_seconds
        self._now = now
        self._lock = threading.Lock()
        self._seen: dict[str, Sighting] = {}

    @property
    def clusters(self) -> frozenset[str]:
        """Names of the clusters that are watched."""
        return frozenset(self._paces)

    def see(self, sign: WorkerSign) -> None:
        """Take in what a cluster's row says now."""
        if sign.cluster not in self._paces:
            return
        with self._lock:
            before = self._seen.get(sign.cluster)
            self._seen[sign.cluster] = sighting(sign, before, self._now(), self._lease_seconds)

    def absence(self, cluster: str) -> Absence | None:
        """Absence of a cluster's worker at this moment; None where it is there, or nothing was ever seen of one."""
        with self._lock:
            seen = self._seen.get(cluster)
        return absence(seen, self._paces[cluster], self._now()) if seen is not None else None

    def absences(self) -> dict[str, Absence]:
        """The clusters whose workers are absent at this moment."""
        found = {name: self.absence(name) for name in self._paces}
        return {name: missed for name, missed in found.items() if missed is not None}

    def cycle_age_seconds(self, cluster: str) -> float | None:
        """Age of the last whole cycle; None where there was none."""
        with self._lock:
            seen = self._seen.get(cluster)
        if seen is None or seen.cycle_at is None:
            return None
        return max((self._now() - seen.cycle_at).total_seconds(), 0.0)
