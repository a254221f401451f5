"""What can be seen from outside of a submission: in packtrain's database, and on the cluster past packtrain."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from container import lab
from container.background import Process

UNDER_WAY = frozenset({"PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUED"})


@dataclass(frozen=True)
class JobRow:
    """A job as the database has it, with its newest attempt."""

    id: str
    name: str
    status: str
    reason: str | None
    attempt: int
    slurm_job_id: int | None
    failure: str | None


@dataclass(frozen=True)
class Driver:
    """Who holds the lease of the cluster, and when the cluster last answered a whole cycle."""

    pid: int | None
    token: int
    reached_at: str | None


@dataclass(frozen=True)
class SlurmJob:
    """A job as the cluster's own accounting has it."""

    id: int
    name: str
    state: str
    exit_code: int
    has_started: bool
    is_queued: bool = False
    """Whether Slurm itself still has it, whatever accounting says."""


class Database:
    """packtrain's SQLite file, only read."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def files(self) -> list[Path]:
        """The file, and what SQLite keeps beside it."""
        return [self.file, *self.file.parent.glob(f"{self.file.name}-*")]

    def jobs(self, prefix: str) -> list[JobRow]:
        """The jobs whose names begin with a prefix."""
        columns = "j.id, j.name, j.status, j.status_reason, j.attempt, j.slurm_job_id, j.failure"
        with self._open() as connection:
            rows = connection.execute(f"SELECT {columns} FROM jobs j WHERE j.name GLOB ?", (f"{prefix}*",))  # noqa: S608
            return [JobRow(*row) for row in rows]

    def events(self, job_id: str) -> list[str]:
        """The types of everything that was told of a job, in order."""
        with self._open() as connection:
            return [
                row[0]
                for row in connection.execute("SELECT type FROM job_events WHERE job_id = ? ORDER BY id", (job_id,))
            ]

    def driver(self) -> Driver:
        """The row of the one cluster."""
        columns = "lease_owner, lease_token, reached_at"
        with self._open() as connection:
            row = connection.execute(f"SELECT {columns} FROM clusters").fetchone()  # noqa: S608
        if row is None:
            return Driver(None, 0, None)
        return Driver(int(row[0].rpartition(":")[2]) if row[0] else None, row[1], row[2])

    def has_stuck_writer(self) -> bool:
        """Whether somebody holds the one lock of the file for longer than any writer needs it."""
        connection = sqlite3.connect(self.file, timeout=1.0, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return True
        finally:
            connection.close()
        return False

    def freeze_between_writes(self, worker: Process) -> None:
        """SIGSTOP a process, not in the middle of a write.

        There it would hold SQLite's one lock, and everybody up, for as long as it sleeps; PostgreSQL ends its session.
        """
        for _ in range(20):
            worker.freeze()
            if not self.has_stuck_writer():
                return
            worker.thaw()
            time.sleep(0.05)
        raise TimeoutError("the worker never stops writing")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=30)
        try:
            yield connection
        finally:
            connection.close()


class ClusterWitness:
    """The lab's files and its accounting, without packtrain, its SSH connection or its proxy."""

    def __init__(self, cluster: lab.Lab, root: str) -> None:
        self._lab = cluster
        self._root = cluster.root_dir / root.removeprefix("/")
        self._log = cluster.root_dir / "var/log/slurm/slurmctld.log"
        self._remembered: dict[tuple[int, str], SlurmJob] = {}

    def is_there(self, job_id: str, number: int, file: str) -> bool:
        """Whether a file of an attempt's folder is there; without a name, the folder."""
        return (self._root / "jobs" / job_id / str(number) / file).exists()

    def claims(self, job_id: str) -> dict[int, str]:
        """Who owns each attempt for good: a Slurm job's number, or `abandoned`."""
        links = [folder / "claim" for folder in (self._root / "jobs" / job_id).glob("[0-9]*")]  # they lead nowhere
        return {int(link.parent.name): str(link.readlink()) for link in links if link.is_symlink()}

    def log_size(self) -> int:
        """How long slurmctld's log is now."""
        return self._log.stat().st_size

    def has_accepted(self, since: int) -> bool:
        """Whether slurmctld has taken a batch job since its log was so long."""
        with self._log.open("rb") as log:
            log.seek(since)
            return b"_slurm_rpc_submit_batch_job: JobId=" in log.read()

    def remember(self) -> None:
        """Keep what accounting has now: it is about to lose it."""
        self._remembered |= {(job.id, job.name): job for job in self.slurm_jobs("job_")}

    def slurm_jobs(self, prefix: str) -> list[SlurmJob]:
        """Every Slurm job ever submitted whose name begins with a prefix, by accounting and by the queue."""
        fields = "JobIDRaw,JobName,State,ExitCode,Start"
        accounted = self._lab.run("sacct", "-a", "-X", "-D", "-P", "-n", "-S", "now-1day", "-o", fields)
        queued = self._lab.run("squeue", "-h", "-a", "-t", "all", "-o", "%i|%j|%T|0:0|%S")
        # Accounting knows more; and a controller that lost its state gives the same numbers again.
        jobs = {(job.id, job.name): job for text in (queued, accounted) for job in _parse(text)}
        jobs = self._remembered | jobs
        in_queue = {(job.id, job.name) for job in _parse(queued) if job.state in UNDER_WAY}
        own = (job for job in jobs.values() if job.name.startswith(prefix))
        return [replace(job, is_queued=(job.id, job.name) in in_queue) for job in own]


def _parse(text: str) -> Iterator[SlurmJob]:
    for line in text.splitlines():
        number, name, state, exit_code, start = line.split("|")
        has_started = start not in {"Unknown", "None", "N/A", ""}
        yield SlurmJob(int(number), name, state.split()[0], int(exit_code.partition(":")[0]), has_started)
