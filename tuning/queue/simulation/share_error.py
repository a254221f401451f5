"""Share error: how far the GPUs that each person had were from an even deal among those who wanted some."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from tuning.queue.simulation.engine import StartedJob
from tuning.queue.waiting_job import Person

_MOMENTS = 2_000


def share_error(runs: Sequence[StartedJob], gpus: int) -> float:
    """The part of the machine that others had than an even deal gives it to: the mean over moments of the workload."""
    errors = [_error(held, wanted, gpus) for held, wanted in _demands(runs)]
    return statistics.fmean(errors)


def even_deal(wanted: Mapping[Person, float], gpus: float) -> Mapping[Person, float]:
    """So many GPUs for each that all have the same, but nobody more than wanted (max-min fairness)."""
    left = gpus
    dealt = {}
    by_want = sorted(wanted, key=lambda person: wanted[person])
    for index, person in enumerate(by_want):
        dealt[person] = min(wanted[person], left / (len(by_want) - index))
        left -= dealt[person]
    return dealt


def _error(held: Mapping[Person, float], wanted: Mapping[Person, float], gpus: int) -> float:
    due = even_deal(wanted, min(gpus, math.fsum(held.values())))
    return math.fsum(abs(held.get(person, 0.0) - its) for person, its in due.items()) / (2 * gpus)


def _demands(runs: Sequence[StartedJob]) -> Iterator[tuple[Mapping[Person, float], Mapping[Person, float]]]:
    """GPUs that each person held, and those that they held or waited for, at moments of equal distance."""
    begin, end = runs[0].job.submitted_at, runs[-1].job.submitted_at
    changes = sorted(_changes(runs), key=lambda change: change[0])
    held: dict[Person, float] = defaultdict(float)
    wanted: dict[Person, float] = defaultdict(float)
    next_change = 0
    for number in range(_MOMENTS):
        now = begin + (end - begin) * number / _MOMENTS
        while next_change < len(changes) and changes[next_change][0] <= now:
            _, person, more_held, more_wanted = changes[next_change]
            held[person] += more_held
            wanted[person] += more_wanted
            next_change += 1
        yield held, {person: gpus for person, gpus in wanted.items() if gpus}


def _changes(runs: Sequence[StartedJob]) -> Iterator[tuple[float, Person, int, int]]:
    for run in runs:
        person, gpus = run.job.person, run.job.gpus
        yield run.job.submitted_at, person, 0, gpus
        yield run.started_at, person, gpus, 0
        yield run.ended_at, person, -gpus, -gpus
