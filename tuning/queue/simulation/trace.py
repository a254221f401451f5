"""A recorded workload: who submitted what when, and how long it ran. Its load can be scaled."""

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Self

from tuning.errors import Finding, InvalidInput
from tuning.queue.waiting_job import Person

_ASKED_SECONDS = (300, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400)
"""The limits that people ask for where they may choose: round ones."""
_LARGEST_FACTOR = 5.0
_GREATEST_LOAD = 10.0


@dataclass(frozen=True, slots=True)
class TraceJob:
    """One job of the workload; seconds count from its beginning."""

    person: Person
    submitted_at: float
    gpus: int
    run_seconds: float
    limit_seconds: float
    """At least as long as it ran."""


@dataclass(frozen=True)
class Trace:
    """Jobs by their time of submission, and the machine that they are for."""

    jobs: Sequence[TraceJob]
    gpus: int
    left_out: int = 0
    """Jobs that never ran, or need more GPUs than there are."""
    made_up_limits: int = 0
    """Jobs whose limit nobody recorded."""

    @property
    def load(self) -> float:
        """GPU-seconds asked for by those that there are until the last submission."""
        seconds = self.jobs[-1].submitted_at - self.jobs[0].submitted_at
        return sum(job.gpus * job.run_seconds for job in self.jobs) / (self.gpus * seconds)

    def with_load(self, load: float) -> Self:
        """The same jobs, submitted in a shorter or a longer time."""
        if not 0 < load <= _GREATEST_LOAD:
            raise InvalidInput(
                [Finding(("load",), f"the load is {load}: it must be above 0, up to {_GREATEST_LOAD:g}")]
            )
        stretch = self.load / load
        jobs = [replace(job, submitted_at=job.submitted_at * stretch) for job in self.jobs]
        return replace(self, jobs=jobs)


def recorded_trace(jobs: Iterable[TraceJob], gpus: int) -> Trace:
    """The workload of jobs that ran, on a machine of so many GPUs; seconds count from its first submission.

    Left out are jobs that need no GPU, or more than there are. Raises InvalidInput where too little is left.
    """
    known = sorted(jobs, key=attrgetter("submitted_at"))
    fitting = [job for job in known if 0 < job.gpus <= gpus]
    if not fitting or fitting[0].submitted_at == fitting[-1].submitted_at:
        message = f"no workload: {len(fitting)} jobs that ran and fit {gpus} GPUs, submitted at different times"
        raise InvalidInput([Finding((), message, "are the GPUs enough, and has anything ended yet?")])
    began_at = fitting[0].submitted_at
    shifted = [replace(job, submitted_at=job.submitted_at - began_at) for job in fitting]
    return Trace(shifted, gpus, len(known) - len(fitting))


def made_up_limit(run_seconds: float, draw: random.Random) -> float:
    """A limit for a job that none was recorded of: 1 to 5 times its run, up to the next round one."""
    asked = run_seconds * draw.uniform(1, _LARGEST_FACTOR)
    day = _ASKED_SECONDS[-1]
    return next((limit for limit in _ASKED_SECONDS if limit >= asked), math.ceil(asked / day) * day)
