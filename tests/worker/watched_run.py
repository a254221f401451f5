"""A job on its way through a cluster with a queue and a file system, watched by the worker."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import ScriptedCluster, World, submit
from tuning.jobs.models import JobEvent
from tuning.jobs.status import JobStatus
from tuning.slurm.answers import ABANDONED, AccountedJob, FileStat, QueuedJob
from tuning.slurm.cluster import (
    AttemptLook,
    Examination,
    LookRequest,
    NamedJob,
    Observation,
    ReadAnswer,
    ReadRequest,
)
from worker.observe.watch import watch

RECORDED = Path(__file__).parents[1] / "fixtures/llamafactory"


class WatchedCluster(ScriptedCluster):
    """Has a queue and a file system."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: dict[int, QueuedJob] | None = {}
        self.accounted: dict[NamedJob, AccountedJob] | None = None
        self.files: dict[str, bytes] = {}
        self.modified: dict[str, float] = {}
        """Dates of files, on the cluster's clock."""
        self.clock_epoch = 0.0
        self.opened: tuple[str, ...] = ()
        self.has_root = True
        self.examined: list[LookRequest] = []
        self.owners: dict[str, str] = {}
        """Claims, by the folder of the attempt."""
        self.listings: dict[str, bytes] = {}
        """The listing of the output, by the folder of the attempt."""
        self.reads: list[str] = []
        self.closed: set[str] = set()
        """Folders that cannot be looked into."""

    def observe(self, files: Iterable[str], opened: Iterable[str] = ()) -> Observation:
        """The queue, and the files that exist."""
        self.opened = tuple(opened)
        there = [path for path in files if path in self.files and self.has_root]
        stats = {path: FileStat(1, len(self.files[path]), self.modified.get(path, 0.0)) for path in there}
        error = None if self.queue is not None else "squeue gave no answer: down"
        return Observation(self.queue, error, stats, self.clock_epoch, has_root=self.has_root)

    def examine(
        self, slurm_job_ids: Sequence[int], since_seconds: float, requests: Sequence[LookRequest]
    ) -> Examination:
        """Accounting is down unless told otherwise: everything must work without it."""
        self.examined = [*requests]
        return Examination(self.accounted or {}, [self._look(one) for one in requests])

    def _look(self, request: LookRequest) -> AttemptLook | None:
        folder = request.attempt_directory
        if folder in self.closed:
            return AttemptLook(None)
        if request.takes_claim:
            self.owners.setdefault(folder, ABANDONED)
        return AttemptLook(self.owners.get(folder, ""), None, self.listings.get(folder, b""))

    def read(self, requests: Sequence[ReadRequest]) -> ReadAnswer:
        """Ranges of the files that exist."""
        there = [one for one in requests if one.path in self.files]
        self.reads += [one.path for one in there]
        return ReadAnswer({one.path: self.files[one.path][one.offset : one.offset + one.length] for one in there})


class Run:
    """A job on its way through the cluster."""

    def __init__(self, world: World, sessions: sessionmaker[Session], job_id: str | None = None) -> None:
        self.cluster = WatchedCluster()
        self.cluster.clock_epoch = world.clock().timestamp()
        self.world, self.sessions = world, sessions
        self.driver = replace(world.driver, cluster=self.cluster)
        self.job_id = job_id or world.add()
        submit(self.driver)
        self.folder = f"/shared/packtrain/jobs/{self.job_id}"

    def slurm_says(self, state: str | None, expected_start: float | None = None) -> None:
        start = self.cluster.clock_epoch if state == "RUNNING" else expected_start
        name = self.cluster.submitted[0].job_name
        queued = QueuedJob(100, state or "", "Resources", start, "n1", name, "(null)")
        self.cluster.queue = {} if state is None else {100: queued}

    def write(self, name: str, content: bytes) -> None:
        self.cluster.files[f"{self.folder}/{name}"] = content

    def end(self, exit_code: int, kind: str = "complete", told: str = "") -> None:
        """Files of a recorded run, and the script's records."""
        head = f"slurm_job_id=100\nrestart=0\nnode=n1\nepoch={self.cluster.clock_epoch:.0f}\n"
        self.write("1/started", head.encode())
        names = ("adapter_model.safetensors", "trainer_state.json", "train_results.json", "all_results.json")
        listing = "".join(f"9 {self.cluster.clock_epoch + 5} {name}\0" for name in names)
        self.write("1/files", listing.encode())
        self.write("output/trainer_state.json", (RECORDED / f"trainer_state.{kind}.json").read_bytes())
        results = (RECORDED / "train_results.complete.json").read_bytes()
        self.write("output/train_results.json", results)
        self.write("output/all_results.json", results)
        self.write("1/exit", f"{head}exit_code={exit_code}\n{told}".encode())

    def look(self) -> JobStatus:
        watch(self.driver)
        return self.world.job(self.job_id).status


def owned_by(run: Run, slurm_job_id: int) -> None:
    run.cluster.owners[f"{run.folder}/1"] = str(slurm_job_id)


def forgotten(run: Run, seconds: int = 150) -> JobStatus:
    """Slurm says nothing of the job for this time."""
    run.slurm_says(None)
    for _ in range(seconds // 10 + 1):
        run.look()
        run.world.clock.advance(10)
    return run.world.job(run.job_id).status


def events(run: Run) -> list[str]:
    with run.sessions() as session:
        wanted = select(JobEvent.type).where(JobEvent.job_id == run.job_id).order_by(JobEvent.id)
        return list(session.scalars(wanted))
