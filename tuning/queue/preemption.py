"""Preemption: which scavengers save and give their GPUs to urgent jobs that cannot start. Pure.

The youngest give way first, since they have done the least; never more of them than are needed, and none for a job that
all of them together could not let start. A job that asks for a type of GPUs gets them of runs that are known to have
it. On which nodes the GPUs are is left to Slurm.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tuning.queue.gpus import Gpus
from tuning.queue.waiting_job import WaitingJob


@dataclass(frozen=True, slots=True)
class ScavengerRun:
    """A running scavenger that can save and go on later."""

    job_id: str
    gpus: int
    started_at: float
    gpu_type: str | None = None
    """None = of several types, or not known."""


@dataclass(frozen=True, slots=True)
class Yield:
    """A run that gives its GPUs, and the urgent job that gets them."""

    run: ScavengerRun
    urgent: WaitingJob


def yields(urgent: Iterable[WaitingJob], scavengers: Iterable[ScavengerRun], free: Gpus) -> list[Yield]:
    """The runs to be saved for urgent jobs, in the order of these; `free` with GPUs that come free anyway."""
    left = sorted(scavengers, key=lambda run: (run.started_at, run.job_id))
    found: list[Yield] = []
    for job in urgent:
        chosen = _enough([run for run in left if _helps(run, job, free)], job.gpus - free.of(job.gpu_type))
        if chosen is None:
            continue
        free = free.plus_all(chosen).less(job)
        found += [Yield(run, job) for run in chosen]
        left = [run for run in left if run not in chosen]
    return found


def _helps(run: ScavengerRun, job: WaitingJob, gpus: Gpus) -> bool:
    return job.gpu_type is None or not gpus.by_type or run.gpu_type == job.gpu_type


def _enough(oldest_first: Sequence[ScavengerRun], gpus: int) -> list[ScavengerRun] | None:
    """The youngest that hold so many GPUs, without those that are not needed; None where all are too few."""
    chosen: list[ScavengerRun] = []
    for run in reversed(oldest_first):
        if sum(each.gpus for each in chosen) >= gpus:
            break
        chosen.append(run)
    spare = sum(run.gpus for run in chosen) - gpus
    if spare < 0:
        return None
    needed = []
    for run in reversed(chosen):  # the oldest of them is let off first
        if 0 < run.gpus <= spare:
            spare -= run.gpus
        else:
            needed.append(run)
    return [run for run in needed if run.gpus > 0]
