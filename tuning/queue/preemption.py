"""Preemption: which scavengers save and give their GPUs to urgent jobs that cannot start. Pure.

The youngest give way first, since they have done the least; never more of them than are needed, and none for a job that
all of them together could not let start. On which nodes the GPUs are is left to Slurm.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tuning.queue.waiting_job import WaitingJob


@dataclass(frozen=True, slots=True)
class ScavengerRun:
    """A running scavenger that can save and go on later."""

    job_id: str
    gpus: int
    started_at: float


@dataclass(frozen=True, slots=True)
class Yield:
    """A run that gives its GPUs, and the urgent job that gets them."""

    run: ScavengerRun
    urgent: WaitingJob


def yields(urgent: Iterable[WaitingJob], scavengers: Iterable[ScavengerRun], free_gpus: int) -> list[Yield]:
    """The runs to be saved for urgent jobs, in the order of these; `free_gpus` with those that come free anyway."""
    left = sorted(scavengers, key=lambda run: (run.started_at, run.job_id))
    found: list[Yield] = []
    for job in urgent:
        chosen = _enough(left, job.gpus - free_gpus)
        if chosen is None:
            continue
        free_gpus += sum(run.gpus for run in chosen) - job.gpus
        found += [Yield(run, job) for run in chosen]
        left = [run for run in left if run not in chosen]
    return found


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
