"""Measures of a simulation: waits, slowdowns, fairness among people, use of the machine."""

import math
import statistics
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tuning.queue.simulation.engine import CYCLE_SECONDS, StartedJob
from tuning.queue.simulation.share_error import share_error
from tuning.queue.waiting_job import Person


@dataclass(frozen=True, slots=True)
class Measures:
    """Of one order of one workload."""

    mean_wait_seconds: float
    longest_wait_seconds: float
    mean_slowdown: float
    worst_person_slowdown: float
    jain_index: float
    share_error: float
    utilisation: float


def measure(runs: Sequence[StartedJob], gpus: int) -> Measures:
    """The measures of all jobs of a workload, by the time of submission."""
    people = slowdown_by_person(runs)
    waits = [run.wait_seconds for run in runs]
    return Measures(
        mean_wait_seconds=statistics.fmean(waits),
        longest_wait_seconds=max(waits),
        mean_slowdown=statistics.fmean(run.bounded_slowdown for run in runs),
        worst_person_slowdown=max(people.values()),
        jain_index=jain_index(people.values()),
        share_error=share_error(runs, gpus),
        utilisation=_utilisation(runs, gpus),
    )


def slowdown_by_person(runs: Iterable[StartedJob]) -> Mapping[Person, float]:
    """The mean bounded slowdown of each person's jobs."""
    people: dict[Person, list[float]] = defaultdict(list)
    for run in runs:
        people[run.job.person].append(run.bounded_slowdown)
    return {person: statistics.fmean(slowdowns) for person, slowdowns in people.items()}


def jain_index(values: Iterable[float]) -> float:
    """1 where all are equal, 1/n where one of n has everything."""
    known = list(values)
    return math.fsum(known) ** 2 / (len(known) * math.fsum(value * value for value in known))


def waits_beyond_bound(runs: Sequence[StartedJob], overdue_seconds: float) -> int:
    """Jobs that waited longer than the bound.

    It is twice the overdue time, and then the longest time limit for the job itself and for each older job that still
    waits: the oldest comes first then, and whatever runs ends by its limit.
    """
    longest = max(run.job.limit_seconds for run in runs) + CYCLE_SECONDS
    starts: list[float] = []  # of older jobs
    beyond = 0
    for run in runs:
        first_at = run.job.submitted_at + 2 * overdue_seconds
        older = len(starts) - bisect_right(starts, first_at)
        beyond += run.started_at > first_at + (older + 1) * longest
        insort(starts, run.started_at)
    return beyond


def _utilisation(runs: Sequence[StartedJob], gpus: int) -> float:
    """Of the machine, from the first submission to the last."""
    begin, end = runs[0].job.submitted_at, runs[-1].job.submitted_at
    used = math.fsum(run.job.gpus * max(0.0, min(run.ended_at, end) - run.started_at) for run in runs)
    return used / (gpus * (end - begin))
