"""Backfill: which waiting jobs can start now, in their order, without delaying the first that cannot.

The first job that finds too few free GPUs gets a reservation at the earliest time that enough come free by the time
limits of what runs; jobs after it pass if they end before, or take GPUs that it does not need then (EASY).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from tuning.queue.waiting_job import RunningJob, WaitingJob


@dataclass(frozen=True, slots=True)
class Reservation:
    """Reservation of the first job that cannot start: its time, and the GPUs that are free beside it then."""

    starts_by: float
    spare_gpus: int


def startable(
    ordered: Sequence[WaitingJob],
    running: Sequence[RunningJob],
    free_gpus: int,
    now: float,
    *,
    largest_pass_first: bool,
) -> list[WaitingJob]:
    """The jobs to start now. Those that pass do so in their order, or the largest (GPUs by time limit) first."""
    started = in_turn(ordered, free_gpus)
    rest = ordered[len(started) :]
    free_gpus -= sum(job.gpus for job in started)
    if free_gpus <= 0 or not rest:
        return started
    holding = [*running, *(RunningJob(job.gpus, now + job.limit_seconds) for job in started)]
    reservation = reserve(rest[0].gpus, holding, free_gpus)
    fitting = [job for job in rest[1:] if job.gpus <= free_gpus]
    if largest_pass_first:
        fitting.sort(key=lambda job: job.gpus * job.limit_seconds, reverse=True)
    return started + _passing(fitting, reservation, free_gpus, now)


def in_turn(ordered: Iterable[WaitingJob], free_gpus: int) -> list[WaitingJob]:
    """The jobs to start now where none may pass another."""
    started: list[WaitingJob] = []
    for job in ordered:
        if job.gpus > free_gpus:
            break
        started.append(job)
        free_gpus -= job.gpus
    return started


def reserve(gpus: int, running: Iterable[RunningJob], free_gpus: int) -> Reservation:
    """The reservation of a job for which there are too few free GPUs; never, where even all together are too few."""
    starts_by = math.inf
    for job in sorted(running, key=attrgetter("ends_by")):
        if job.ends_by > starts_by:
            break
        free_gpus += job.gpus
        if free_gpus >= gpus:
            starts_by = job.ends_by
    return Reservation(starts_by, max(free_gpus - gpus, 0))


def _passing(fitting: Iterable[WaitingJob], reservation: Reservation, free_gpus: int, now: float) -> list[WaitingJob]:
    """Of the jobs, those that end before the reservation or leave it its GPUs."""
    passing = []
    spare = reservation.spare_gpus
    for job in fitting:
        is_longer = now + job.limit_seconds > reservation.starts_by
        if job.gpus <= (min(free_gpus, spare) if is_longer else free_gpus):
            passing.append(job)
            free_gpus -= job.gpus
            spare -= job.gpus if is_longer else 0
    return passing
