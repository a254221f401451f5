"""Workers as processes of their own on one database, whose clusters answer nobody: who drives what is looked at."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

from container import stack
from container.background import Process, start_process
from tests.chaos.house import LEASE_SECONDS, READY_SECONDS, clusters_toml, until
from tests.chaos.scene import says_lost
from tests.chaos.witness import Database
from tuning.clusters.models import ClusterRow
from tuning.db.engine import open_engine, open_sessions

CLUSTERS = 6


class Crew:
    """So many workers, and the leases of `CLUSTERS` clusters."""

    def __init__(self, state: Path, database_url: str, size: int) -> None:
        nobody = state / "nobody"
        one = clusters_toml("127.0.0.1", 9, "nobody", nobody, nobody)
        clusters = "\n".join(one.replace("clusters.lab", f"clusters.lab-{number}") for number in range(CLUSTERS))
        (state / "clusters.toml").write_text(clusters, encoding="utf-8")
        own = {"PACKTRAIN_LEASE_SECONDS": str(LEASE_SECONDS), "PACKTRAIN_DATABASE_URL": database_url}
        environment = stack.settings(state, 0) | own
        self._url = database_url
        self._engine = open_engine(database_url)
        self._sessions = open_sessions(self._engine)
        self._workers: dict[Process, Path] = {}
        for number in range(size):
            log, command = state / f"worker-{number}.log", [sys.executable, "-m", "worker"]
            self._workers[start_process(command, state / f"worker-{number}.pid", log, environment)] = log

    def leases(self) -> dict[str, Process]:
        """The living worker that drives each cluster; clusters of which nobody does are left out."""
        by_pid = {worker.pid: worker for worker in self._workers if worker.alive()}
        with self._sessions() as session:
            rows = session.execute(select(ClusterRow.name, ClusterRow.lease_owner)).all()
        owners = {name: int(owner.rpartition(":")[2]) for name, owner in rows if owner is not None}
        return {name: by_pid[pid] for name, pid in owners.items() if pid in by_pid}

    def all_driven(self, *, but_by: Process | None = None) -> dict[str, Process]:
        """Wait until every cluster has a driver, and none this one. Raises TimeoutError."""

        def look() -> dict[str, Process] | None:
            leases = self.leases()
            return leases if len(leases) == CLUSTERS and but_by not in leases.values() else None

        return until("driver for every cluster", look, READY_SECONDS)

    def busiest(self) -> Process:
        """Who drives the most clusters."""
        return Counter(self.all_driven().values()).most_common(1)[0][0]

    def freeze(self, worker: Process) -> None:
        """SIGSTOP it: wherever it stands on PostgreSQL, between two writes on SQLite."""
        if self._url.startswith("sqlite:///"):
            Database(Path(self._url.removeprefix("sqlite:///"))).freeze_between_writes(worker)
        else:
            worker.freeze()

    def lost_leases(self, worker: Process) -> int:
        """How often a worker has said that it lost a lease."""
        return sum(says_lost(line) for line in self._workers[worker].read_bytes().splitlines())

    def close(self) -> None:
        """End every worker that still runs."""
        for worker in self._workers:
            worker.end(patience=20.0)
        self._engine.dispose()


@contextmanager
def hired(state: Path, database_url: str, size: int) -> Iterator[Crew]:
    """Workers on a migrated database, all started at once; they end with the block."""
    state.mkdir(parents=True, exist_ok=True)
    crew = Crew(state, database_url, size)
    try:
        yield crew
    finally:
        crew.close()
