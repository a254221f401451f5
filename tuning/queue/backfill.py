"""Backfill: which waiting jobs can start now, in their order, without delaying the first that cannot.

The first job that finds too few free GPUs gets a reservation at the earliest time that enough come free by the time
limits of what runs; jobs after it pass if they end before, or take GPUs that it does not need then (EASY).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from tuning.queue.gpus import Gpus
from tuning.queue.waiting_job import RunningJob, WaitingJob


@dataclass(frozen=True, slots=True)
class Reservation:
    """Reservation of the first job that cannot start: its time, and the GPUs that are free beside it then."""

    starts_by: float
    spare: Gpus


def startable(
    ordered: Sequence[WaitingJob],
    running: Sequence[RunningJob],
    free: Gpus,
    now: float,
    *,
    largest_pass_first: bool,
) -> list[WaitingJob]:
    """The jobs to start now. Those that pass do so in their order, or the largest (GPUs by time limit) first."""
    started, free = _in_turn(ordered, free)
    rest = ordered[len(started) :]
    if free.total <= 0 or not rest:
        return started
    holding = [*running, *(RunningJob(job.gpus, now + job.limit_seconds, job.gpu_type) for job in started)]
    reservation = reserve(rest[0], holding, free)
    fitting = [job for job in rest[1:] if job.gpus <= free.total]
    if largest_pass_first:
        fitting.sort(key=lambda job: job.gpus * job.limit_seconds, reverse=True)
    return started + _passing(fitting, reservation, free, now)


def in_turn(ordered: Iterable[WaitingJob], free: Gpus) -> list[WaitingJob]:
    """The jobs to start now where none may pass another."""
    return _in_turn(ordered, free)[0]


def reserve(first: WaitingJob, running: Iterable[RunningJob], free: Gpus) -> Reservation:
    """The reservation of a job for which there are too few free GPUs; never, where even all together are too few."""
    starts_by, total, by_type = math.inf, free.total, dict(free.by_type)
    of_type = first.gpu_type if by_type else None
    for job in sorted(running, key=attrgetter("ends_by")):
        if job.ends_by > starts_by:
            break
        total += job.gpus
        if job.gpu_type in by_type:
            by_type[job.gpu_type] += job.gpus
        if total >= first.gpus and (of_type is None or by_type.get(of_type, 0) >= first.gpus):
            starts_by = job.ends_by
    return Reservation(starts_by, Gpus(total, by_type).less(first))


def _in_turn(ordered: Iterable[WaitingJob], free: Gpus) -> tuple[list[WaitingJob], Gpus]:
    """The jobs to start now, and the GPUs that they leave."""
    started: list[WaitingJob] = []
    for job in ordered:
        if job.gpus > free.of(job.gpu_type):
            break
        started.append(job)
        free = free.less(job)
    return started, free


def _passing(fitting: Iterable[WaitingJob], reservation: Reservation, free: Gpus, now: float) -> list[WaitingJob]:
    """Of the jobs, those that end before the reservation or leave it its GPUs."""
    passing = []
    spare = reservation.spare
    for job in fitting:
        is_longer = now + job.limit_seconds > reservation.starts_by
        if job.gpus > free.total or (is_longer and job.gpus > spare.total):  # most of them: types take longer
            continue
        if job.gpus <= free.of(job.gpu_type) and (not is_longer or job.gpus <= spare.of(job.gpu_type)):
            passing.append(job)
            free = free.less(job)
            spare = spare.less(job) if is_longer else spare
    return passing
