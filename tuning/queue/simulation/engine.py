"""Simulation of a queue: submissions and ends in turn, and at each of them a policy says what starts.

The machine is a number of GPUs, as Slurm without others' jobs: what is started gets them at once, and ends when its run
or its limit does. The queue is looked at every `CYCLE_SECONDS`, so that nothing starts between two looks.
"""

import heapq
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tuning.queue.simulation.trace import Trace, TraceJob
from tuning.queue.standing import bounded_slowdown
from tuning.queue.waiting_job import RunningJob, WaitingJob

CYCLE_SECONDS = 30.0
AtLook = Callable[[], None]


@dataclass(frozen=True, slots=True)
class StartedJob:
    """A job of the workload, and when it started."""

    job: TraceJob
    started_at: float

    @property
    def ended_at(self) -> float:
        """Its last second."""
        return self.started_at + self.job.run_seconds

    @property
    def wait_seconds(self) -> float:
        """From its submission to its start."""
        return self.started_at - self.job.submitted_at

    @property
    def bounded_slowdown(self) -> float:
        """Bounded slowdown of its wait and its run."""
        return bounded_slowdown(self.wait_seconds, self.job.run_seconds)


@dataclass(frozen=True, slots=True)
class Moment:
    """State of the machine and the queue that a policy is asked about."""

    now: float
    waiting: Mapping[str, WaitingJob]
    """By id, in the order of submission."""
    running: Sequence[RunningJob]
    free_gpus: int
    gpus: int
    """In all."""


class Policy(Protocol):
    """An order of the queue."""

    @property
    def name(self) -> str:
        """Its name in tables and pictures."""

    def started(self, job: WaitingJob, now: float) -> None:
        """Take note of a job that started."""

    def ended(self, job: WaitingJob, run: StartedJob, now: float) -> None:
        """Take note of a job that ended."""

    def starting(self, moment: Moment) -> Sequence[WaitingJob]:
        """The jobs to start now: those of `waiting` that the free GPUs are enough for."""


def go_on() -> None:
    """Let the simulation go on to its end."""


def simulate(trace: Trace, policy: Policy, at_look: AtLook = go_on) -> list[StartedJob]:
    """Start of each job of the workload under the policy, in the order of submission.

    `at_look` is called at each look at the queue, and may raise to end it.
    """
    queue = _Queue(trace)
    for now in _looks(queue):
        at_look()
        for job, run in queue.take_ended(now):
            policy.ended(job, run, now)
        queue.take_submitted(now)
        if queue.waiting and queue.free_gpus:
            moment = Moment(
                now, queue.waiting, [running for running, _ in queue.running.values()], queue.free_gpus, trace.gpus
            )
            for job in policy.starting(moment):
                queue.start(job, now)
                policy.started(job, now)
    return [run for run in queue.runs if run is not None]


def _looks(queue: "_Queue") -> Iterator[float]:
    """The moments of the cycle at which something has happened since the one before."""
    while (event := queue.next_event()) < math.inf:
        yield math.ceil(event / CYCLE_SECONDS) * CYCLE_SECONDS


class _Queue:
    """Jobs that wait, run and are to come."""

    def __init__(self, trace: Trace) -> None:
        self.free_gpus = trace.gpus
        self.waiting: dict[str, WaitingJob] = {}
        self.running: dict[str, tuple[RunningJob, WaitingJob]] = {}
        self.runs: list[StartedJob | None] = [None] * len(trace.jobs)
        self._jobs = trace.jobs
        self._submitted = 0
        self._ends: list[tuple[float, int]] = []

    def next_event(self) -> float:
        """The time of the next submission or end; infinite, where nothing is left."""
        submission = self._jobs[self._submitted].submitted_at if self._submitted < len(self._jobs) else math.inf
        return min(submission, self._ends[0][0] if self._ends else math.inf)

    def take_ended(self, now: float) -> Iterator[tuple[WaitingJob, StartedJob]]:
        """The jobs that ended until now; their GPUs are free."""
        while self._ends and self._ends[0][0] <= now:
            _, index = heapq.heappop(self._ends)
            run = self.runs[index]
            _, job = self.running.pop(str(index))
            self.free_gpus += job.gpus
            if run is not None:
                yield job, run

    def take_submitted(self, now: float) -> None:
        """The jobs that were submitted until now wait."""
        while self._submitted < len(self._jobs) and self._jobs[self._submitted].submitted_at <= now:
            job = self._jobs[self._submitted]
            id_ = str(self._submitted)
            self.waiting[id_] = WaitingJob(id_, job.person, job.gpus, job.limit_seconds, job.submitted_at)
            self._submitted += 1

    def start(self, job: WaitingJob, now: float) -> None:
        """The job holds its GPUs from now until its end."""
        index = int(job.id)
        run = StartedJob(self._jobs[index], now)
        del self.waiting[job.id]
        self.running[job.id] = (RunningJob(job.gpus, now + job.limit_seconds), job)
        self.runs[index] = run
        self.free_gpus -= job.gpus
        heapq.heappush(self._ends, (run.ended_at, index))
