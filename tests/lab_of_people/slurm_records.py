"""Records of packtrain's jobs in a lab's own accounting: each submission with its start, its end and its GPUs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from container import lab
from tests.lab_of_people.measures import Span

_FIELDS = "JobIDRaw,JobName,State,Submit,Start,End,AllocTRES,Partition"
_GPUS = re.compile(r"gres/gpu=(\d+)")
_NAME = re.compile(r"(job_[a-z0-9]+)-(\d+)-.+")
_NEVER = frozenset({"Unknown", "None", "N/A", ""})


@dataclass(frozen=True)
class SlurmRun:
    """A submission of a job to Slurm; times are whole seconds."""

    job_id: str
    attempt: int
    slurm_job_id: int
    state: str
    submitted_at: float
    started_at: float | None
    """None where it was cancelled before it began."""
    ended_at: float | None
    gpus: int
    partition: str

    @property
    def held_gpus(self) -> bool:
        """Whether it ever had its GPUs."""
        return self.started_at is not None and self.started_at != self.ended_at

    @property
    def waiting(self) -> Span | None:
        """The time for which it waited inside Slurm; None where it still does."""
        until = self.started_at or self.ended_at
        return Span(self.submitted_at, until) if until is not None else None


def slurm_runs(cluster: lab.Lab) -> list[SlurmRun]:
    """Every submission that accounting knows, requeued ones apart."""
    asked = ("sacct", "-a", "-X", "-D", "-P", "-n", "-S", "now-1day", "-o", _FIELDS)
    return list(parse(cluster.run("env", "SLURM_TIME_FORMAT=%s", *asked)))


def parse(text: str) -> Iterator[SlurmRun]:
    """The records of packtrain's jobs in what `sacct -P` prints with times as seconds. Pure."""
    for line in text.splitlines():
        number, name, state, submit, start, end, resources, partition = line.split("|")
        found, gpus = _NAME.fullmatch(name), _GPUS.search(resources)
        if found is not None:
            yield SlurmRun(
                job_id=found[1],
                attempt=int(found[2]),
                slurm_job_id=int(number),
                state=state.split()[0],
                submitted_at=float(submit),
                started_at=_moment(start),
                ended_at=_moment(end),
                gpus=int(gpus[1]) if gpus else 0,
                partition=partition,
            )


def _moment(text: str) -> float | None:
    return None if text in _NEVER else float(text)
