"""A cluster that runs every job it is given to its end, and the worker's cycles over it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_job, make_user
from tests.worker.conftest import ScriptedCluster, World
from tuning.db.engine import transaction
from tuning.jobs.models import JobEvent, Trouble
from tuning.jobs.troubles import LONGEST_PAUSE
from tuning.slurm.answers import AttemptLook, FileStat, QueuedJob
from tuning.slurm.cluster import (
    Examination,
    LookRequest,
    Observation,
    ReadAnswer,
    ReadRequest,
    Submission,
    SubmissionAnswer,
    Trial,
)
from worker.cycle import Cycle

JOBS = 50
RECORDED = Path(__file__).parents[1] / "fixtures/llamafactory"
_RESULTS = ("trainer_state", "train_results", "all_results")
_EPOCH = NOON.timestamp()
MARK = 666777
"""Stands in everything that the marked job's run leaves."""


class Site(ScriptedCluster):
    """Slurm numbers jobs from 1; `run` and `end` are what happens there between two looks."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[int, Submission] = {}
        self.marked = ""
        """The id of a job whose Slurm job is MARK."""
        self.state = "PENDING"
        self.files: dict[str, bytes] = {}
        self.unremovable: set[str] = set()
        self.removed: list[str] = []

    def submit(self, batch: Sequence[Submission]) -> list[SubmissionAnswer]:
        """Each gets a number."""
        self.submitted += batch
        answers = []
        for one in batch:
            number = MARK if self.marked and self.marked in one.directory else len(self.jobs) + 1
            self.jobs[number] = one
            answers.append(SubmissionAnswer(one.token, slurm_job_id=number))
        return answers

    def look_up(self, job_names: Mapping[str, str], since_seconds: float) -> dict[str, list[int]]:
        """By its token."""
        numbers = {one.token: number for number, one in self.jobs.items()}
        return {token: [numbers[token]] if token in numbers else [] for token in job_names}

    def run(self) -> None:
        """All start, and write a line of their logs."""
        self.state = "RUNNING"
        for number, one in self.jobs.items():
            output, steps = f"{one.directory.rpartition('/')[0]}/output", max(number, 4)
            times = '"percentage": 50.0, "elapsed_time": "0:00:02", "remaining_time": "0:00:02"'
            line = f'{{"current_steps": 2, "total_steps": {steps}, "loss": 1.5, "epoch": 1.0, {times}}}\n'
            self.files[f"{output}/trainer_log.jsonl"] = line.encode()
            self.files[f"{one.directory}/stdout.log"] = f"job {number} has begun\n".encode()

    def end(self) -> None:
        """All succeed."""
        self.state = "GONE"
        for number, one in self.jobs.items():
            output = f"{one.directory.rpartition('/')[0]}/output"
            head = f"slurm_job_id={number}\nrestart=0\nnode=n1\nepoch={_EPOCH:.0f}\n".encode()
            names = ("adapter_model.safetensors", *(f"{name}.json" for name in _RESULTS))
            self.files[f"{one.directory}/started"] = head
            self.files[f"{one.directory}/files"] = "".join(f"9 {_EPOCH + 5} {name}\0" for name in names).encode()
            self.files[f"{one.directory}/exit"] = head + b"exit_code=0\n"
            for name in _RESULTS:
                recorded = "train_results" if name == "all_results" else name
                self.files[f"{output}/{name}.json"] = (RECORDED / f"{recorded}.complete.json").read_bytes()

    def observe(self, files: Iterable[str], opened: Iterable[str] = ()) -> Observation:
        """The queue, and the files that exist."""
        stats = {path: FileStat(1, len(self.files[path]), _EPOCH) for path in files if path in self.files}
        queue = {number: self._queued(number, one) for number, one in self.jobs.items() if self.state != "GONE"}
        return Observation(queue, None, stats, _EPOCH)

    def read(self, requests: Sequence[ReadRequest]) -> ReadAnswer:
        """Ranges of the files that exist."""
        there = [one for one in requests if one.path in self.files]
        return ReadAnswer({one.path: self.files[one.path][one.offset : one.offset + one.length] for one in there})

    def examine(
        self, slurm_job_ids: Sequence[int], since_seconds: float, requests: Sequence[LookRequest]
    ) -> Examination:
        """Accounting knows nothing; each attempt that was submitted here has been claimed by its job."""
        claims = {one.directory: str(number) for number, one in self.jobs.items()}
        return Examination({}, [AttemptLook(claims.get(request.attempt_directory, "1")) for request in requests])

    def remove(self, paths: Sequence[str]) -> list[str]:
        """What can be."""
        self.removed += paths
        return [path for path in paths if path not in self.unremovable]

    def try_out(self, scripts: Sequence[str]) -> list[Trial]:
        """All would start at once."""
        return [Trial(wait_seconds=0.0) for _ in scripts]

    def _queued(self, number: int, one: Submission) -> QueuedJob:
        start = _EPOCH if self.state == "RUNNING" else None
        return QueuedJob(number, self.state, None, start, "n1", one.job_name, one.comment)


class House:
    """Fifty jobs, the site that runs them, and the worker's cycles."""

    def __init__(self, world: World, sessions: sessionmaker[Session]) -> None:
        self.site, self.world, self.sessions = Site(), world, sessions
        self.driver = replace(world.driver, cluster=self.site)
        self.cycle = Cycle(self.driver)

    def add_jobs(self, count: int = JOBS, **columns: Any) -> list[str]:
        with transaction(self.sessions) as session:
            owner = make_user(session)
            return [make_job(session, owner, **columns).id for _ in range(count)]

    def live(self) -> None:
        """From the queue to the end."""
        self.cycles(1)
        self.site.run()
        self.cycles(2)
        self.site.end()
        self.cycles(3)

    def heal(self) -> None:
        """What the culprit missed, once its pauses are over."""
        for _ in range(3):
            self.cycles(1, seconds_between=LONGEST_PAUSE.total_seconds())
            self.site.run()
        self.site.end()
        self.cycles(3, seconds_between=LONGEST_PAUSE.total_seconds())

    def cycles(self, count: int, seconds_between: float = 1.0) -> None:
        for _ in range(count):
            self.cycle.run()
            self.world.clock.advance(seconds_between)

    def events(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        with self.sessions() as session:
            for job_id, kind in session.execute(select(JobEvent.job_id, JobEvent.type).order_by(JobEvent.id)):
                found.setdefault(job_id, []).append(kind)
        return found

    def troubles(self) -> list[Trouble]:
        with self.sessions() as session:
            return list(session.scalars(select(Trouble)))
