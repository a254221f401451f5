"""Per-cycle cache of the cluster's row and of save times."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.clusters.models import ClusterRow
from tuning.clusters.sick_nodes import Fault, faults_of, nodes_to_avoid
from tuning.clusters.snapshot import Snapshot, read_snapshot
from tuning.jobs.models import Job
from tuning.jobs.queries.save_times import Saved, longest_saves
from tuning.settings import ClusterSettings
from worker.submit.shapes import usable_nodes


@dataclass(frozen=True)
class Description:
    """The part of the cluster's row that a submission needs."""

    registered: Mapping[str, Mapping[str, Any]] | None
    """The data sets that the cluster knows by name."""
    image_digest: str | None
    snapshot: Snapshot = field(default_factory=Snapshot, compare=False)
    snapshot_at: datetime | None = None


class KnownCluster:
    """Cluster's row and save times, kept until `forget`: only its cycle writes them while the lease holds.

    (A user may delete the job that showed a save; it is forgotten with the next cycle.)
    """

    def __init__(self, settings: ClusterSettings) -> None:
        self.settings = settings
        self._description: Description | None = None
        self._longest_saves: dict[Saved, float | None] = {}
        self._faults: Sequence[Fault] | None = None

    def forget(self) -> None:
        """The cluster was described anew, or jobs have saved."""
        self._description = None
        self._longest_saves = {}
        self._faults = None

    def description(self, session: Session) -> Description:
        """Description that the cluster last gave of itself."""
        if self._description is None:
            self._description = self._read(session)
        return self._description

    def longest_saves(self, session: Session, wanted: Collection[Saved]) -> dict[Saved, float]:
        """Seconds, of recent jobs of the cluster that save the same; unknown ones are missing."""
        if unasked := [saved for saved in wanted if saved not in self._longest_saves]:
            found = longest_saves(session, self.settings.name, unasked, self.settings.models)
            self._longest_saves |= {saved: found.get(saved) for saved in unasked}
        known = {saved: self._longest_saves[saved] for saved in wanted}
        return {saved: seconds for saved, seconds in known.items() if seconds is not None}

    def avoided(self, session: Session, job: Job, now: datetime) -> tuple[str, ...]:
        """The nodes that a job's next attempt keeps away from, since runs failed there by hardware's words."""
        name = self.settings.name
        if self._faults is None:
            self._faults = faults_of(session, [name], now).get(name, [])
        if not self._faults:
            return ()
        usable = usable_nodes(self.description(session).snapshot, job.resources)
        return nodes_to_avoid(self._faults, job.id, usable, job.resources.get("nodes") or 1, now)

    def _read(self, session: Session) -> Description:
        own = select(ClusterRow.snapshot, ClusterRow.snapshot_at).where(ClusterRow.name == self.settings.name)
        stored, at = session.execute(own).one_or_none() or (None, None)
        if not stored:
            return Description(registered=None, image_digest=None)
        snapshot = read_snapshot(stored)
        return Description(snapshot.datasets, stored.get("image_digest"), snapshot, at)
