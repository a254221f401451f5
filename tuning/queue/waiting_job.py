"""Jobs and people as the order of the queue sees them: values, no rows."""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple


class Person(NamedTuple):
    """A member of a team; who is in several teams is a person of each."""

    team: str
    name: str


class JobClass(IntEnum):
    """Class of a job; it comes before those of a greater number."""

    URGENT = 0
    NORMAL = 1
    SCAVENGER = 2


class WaitingJob(NamedTuple):
    """A job that waits for GPUs.

    A tuple: each look at a queue makes thousands, and a frozen dataclass takes four times as long to make.
    """

    id: str
    person: Person
    gpus: int
    limit_seconds: float
    """Its time limit."""
    queued_at: float
    """Seconds of the same clock as `now`."""
    job_class: JobClass = JobClass.NORMAL
    priority: int = 0
    """Among the person's own jobs."""
    gpu_type: str | None = None
    """That it asks for; None = any."""


@dataclass(frozen=True, slots=True)
class RunningJob:
    """A job that holds GPUs."""

    gpus: int
    ends_by: float
    """The latest second at which it gives them back: its start and its time limit."""
    gpu_type: str | None = None
    """None = of several types, or not known."""
