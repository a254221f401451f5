"""A cluster that runs every job it is given to its end, as the tests of whole cycles need it."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.factories import NOON
from tests.worker.conftest import ScriptedCluster
from tuning.slurm.answers import AccountedJob, FileStat, QueuedJob
from tuning.slurm.cluster import NamedJob, Observation, ReadRequest, Submission, SubmissionAnswer, Trial

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

    def read(self, requests: Sequence[ReadRequest]) -> dict[str, bytes]:
        """Ranges of the files that exist."""
        there = [one for one in requests if one.path in self.files]
        return {one.path: self.files[one.path][one.offset : one.offset + one.length] for one in there}

    def account(self, slurm_job_ids: Sequence[int], since_seconds: float) -> dict[NamedJob, AccountedJob]:
        """Nothing."""
        return {}

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
