"""The progress of the jobs that somebody reads, in memory, newest change last."""

from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping

from server.feed.progress import ProgressEntry
from server.feed.queue.view import Outlook

_MOST_ENTRIES = 20_000
"""About 2 kB each. The one that was not read for the longest goes first; the next read brings it back."""


class Board:
    """One entry a job."""

    def __init__(self, capacity: int = _MOST_ENTRIES) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[str, ProgressEntry] = OrderedDict()
        self._changes: OrderedDict[str, int] = OrderedDict()
        self.serial = 0
        """Grows with every change of an entry."""

    def get(self, job_id: str) -> ProgressEntry | None:
        """The entry of a job, which counts as read."""
        entry = self._entries.get(job_id)
        if entry is not None:
            self._entries.move_to_end(job_id)
        return entry

    def put(self, entry: ProgressEntry) -> bool:
        """Hold an entry, unless a newer one is held. Whether readers see a change."""
        job_id = entry.state.id
        held = self._entries.get(job_id)
        if held is not None and held.state.version > entry.state.version:
            return False
        self._entries[job_id] = entry
        if held is not None and held.etag == entry.etag:
            return False
        self.serial += 1
        self._changes[job_id] = self.serial
        self._changes.move_to_end(job_id)
        self._forget_oldest()
        return True

    def changed_after(self, serial: int) -> list[ProgressEntry]:
        """The entries that changed since, each once and as it is now, in the order of their last changes."""
        found: list[ProgressEntry] = []
        for job_id, changed in reversed(self._changes.items()):
            if changed <= serial:
                break
            found.append(self._entries[job_id])
        return found[::-1]

    def versions(self) -> dict[str, int]:
        """Versions of the entries that are held, by job id."""
        return {job_id: entry.state.version for job_id, entry in self._entries.items()}

    def waiting(self) -> dict[str, str]:
        """Clusters of the jobs whose place or forecast may change without their version, by id."""
        return {job_id: entry.state.cluster for job_id, entry in self._entries.items() if entry.has_not_begun}

    def move(self, asked: Collection[str], outlooks: Mapping[str, Outlook], read_at: float) -> Iterator[str]:
        """Take in where the jobs that were asked about stand now, and what is expected of them; the ids of those moved.

        A job that left the queue meanwhile is left alone: its new state comes with its new version.
        """
        for job_id in asked:
            entry = self._entries.get(job_id)
            outlook = outlooks.get(job_id)
            if entry is None or outlook is None or not entry.is_moved_by(outlook):
                continue
            if self.put(entry.at(outlook, read_at)):
                yield job_id

    def on_clusters(self, clusters: Collection[str]) -> list[ProgressEntry]:
        """The entries of these clusters' jobs."""
        return [entry for entry in self._entries.values() if entry.state.cluster in clusters]

    def _forget_oldest(self) -> None:
        while len(self._entries) > self._capacity:
            job_id, _ = self._entries.popitem(last=False)
            self._changes.pop(job_id, None)
