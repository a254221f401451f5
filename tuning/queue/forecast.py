"""Forecast of the queue: when waiting jobs start and end, with bounds.

The queue is played on three times, with the runs as short as they may be, as expected, and as long as they may be. Each
time the same backfill says what starts as soon as GPUs come free: it counts with time limits, as Slurm does, and the
runs end when they are thought to. Then the bounds are widened for what nobody knows yet: jobs that come later and go
first, and places that change as use and waits do. docs/benchmarks.md has the simulations that chose by how much.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tuning.queue.backfill import startable
from tuning.queue.estimate import Estimate
from tuning.queue.waiting_job import RunningJob, WaitingJob

MOST_PLAYED = 400
"""So many starts are played; those of the jobs behind them follow from the GPU time that is before them."""
_LOOK_AHEAD = 100
"""So many of the first jobs are asked whether they start at a moment."""
_EARLIER, _EARLIER_PLACES = 3.0, 100
"""A job may start this much sooner (1 + it: a quarter of the wait) from this place on; before it, in proportion."""
_LATER_FOR_FIRST, _LATER, _LATER_PLACES = 1.5, 4.0, 10
"""The longest wait times this, for the first job and from this place on."""
_LATER_SECONDS = 600.0
"""And so much longer, however short the wait is."""
_Pick = Callable[[Estimate], float]


@dataclass(frozen=True, slots=True)
class HeldGpus:
    """GPUs that a run holds, ours or somebody else's."""

    gpus: int
    ends_at: Estimate
    ends_by: float
    """By its time limit."""


@dataclass(frozen=True, slots=True)
class ExpectedJob:
    """A waiting job, and how long it will run."""

    job: WaitingJob
    run_seconds: Estimate


@dataclass(frozen=True, slots=True)
class Forecast:
    """Start and end of a waiting job."""

    starts_at: Estimate
    ends_at: Estimate


def forecast(
    ordered: Sequence[ExpectedJob], holding: Sequence[HeldGpus], free_gpus: int, now: float
) -> Mapping[str, Forecast]:
    """Starts and ends of the jobs, by id; those for which all GPUs together are too few are left out.

    A job without GPUs starts now. Nothing is expected before now, whatever the estimates of runs say.
    """
    gpus = max(free_gpus, 0) + sum(held.gpus for held in holding)
    fitting = [each for each in ordered if 0 < each.job.gpus <= gpus]
    low, expected, high = (_starts(fitting, holding, free_gpus, now, pick) for pick in (_low, _expected, _high))
    starts = {each.job.id: Estimate.exactly(now) for each in ordered if each.job.gpus <= 0}
    for place, each in enumerate(fitting):
        its = Estimate.around(expected[each.job.id], low[each.job.id], high[each.job.id])
        starts[each.job.id] = _widened(its, place, now)
    return {each.job.id: _forecast(starts[each.job.id], each.run_seconds) for each in ordered if each.job.id in starts}


def by_slurms_word(ours: Forecast | None, starts_at: float, run_seconds: Estimate, now: float) -> Forecast:
    """The forecast of a job for which Slurm names a start: by time limits, and knowing of things that we do not.

    Its runs may end before their limits: a start that we expect sooner stands, with Slurm's as a later bound. Where
    Slurm is sooner, it knows better.
    """
    word = max(starts_at, now)
    if ours is None:
        return _forecast(Estimate.exactly(word), run_seconds)
    its = ours.starts_at
    starts = Estimate(min(its.low, word), min(its.expected, word), max(its.high, word))
    return _forecast(starts, run_seconds)


def after_others(awaited: Sequence[Estimate], run_seconds: Estimate, now: float) -> Forecast:
    """The forecast of a job that waits for others until they end, and starts then."""
    latest = Estimate(
        max(ends.low for ends in awaited), max(ends.expected for ends in awaited), max(ends.high for ends in awaited)
    )
    return _forecast(latest.at_least(now), run_seconds)


def _low(estimate: Estimate) -> float:
    return estimate.low


def _expected(estimate: Estimate) -> float:
    return estimate.expected


def _high(estimate: Estimate) -> float:
    return estimate.high


def _starts(
    ordered: Sequence[ExpectedJob], holding: Sequence[HeldGpus], free_gpus: int, now: float, pick: _Pick
) -> dict[str, float]:
    """The start of each job, by id, where runs are as long as is picked."""
    machine = _Machine(holding, free_gpus, now, pick)
    starts = machine.play(ordered)
    behind = [each for each in ordered if each.job.id not in starts]
    gpu_seconds = machine.gpu_seconds_held()
    for each in behind:
        starts[each.job.id] = machine.now + gpu_seconds / machine.gpus
        gpu_seconds += each.job.gpus * max(pick(each.run_seconds), 0.0)
    return starts


class _Machine:
    """GPUs of a cluster, the runs that hold them, and the time until which they are played on."""

    def __init__(self, holding: Sequence[HeldGpus], free_gpus: int, now: float, pick: _Pick) -> None:
        self.now = now
        self._pick = pick
        self._free_gpus = max(free_gpus, 0)
        self.gpus = self._free_gpus + sum(held.gpus for held in holding)
        self._runs = [
            (max(pick(held.ends_at), now), number, RunningJob(held.gpus, max(held.ends_by, now)))
            for number, held in enumerate(holding)
        ]
        heapq.heapify(self._runs)
        self._next_number = len(self._runs)

    def play(self, ordered: Sequence[ExpectedJob]) -> dict[str, float]:
        """The starts of at most `MOST_PLAYED` jobs, in turn."""
        waiting = {each.job.id: each for each in ordered}
        starts: dict[str, float] = {}
        while waiting and len(starts) < MOST_PLAYED:
            for job in self._starting(waiting):
                starts[job.id] = self.now
                self._start(waiting.pop(job.id))
            if waiting and len(starts) < MOST_PLAYED:
                self._pass_to_next_end()
        return starts

    def gpu_seconds_held(self) -> float:
        """GPU time that the runs still take."""
        return sum((end - self.now) * run.gpus for end, _, run in self._runs)

    def _starting(self, waiting: Mapping[str, ExpectedJob]) -> Sequence[WaitingJob]:
        first = [each.job for each, _ in zip(waiting.values(), range(_LOOK_AHEAD), strict=False)]
        running = [run for _, _, run in self._runs]
        return startable(first, running, self._free_gpus, self.now, largest_pass_first=True)

    def _start(self, each: ExpectedJob) -> None:
        end = self.now + max(self._pick(each.run_seconds), 0.0)
        run = RunningJob(each.job.gpus, self.now + each.job.limit_seconds)
        heapq.heappush(self._runs, (end, self._next_number, run))
        self._next_number += 1
        self._free_gpus -= each.job.gpus

    def _pass_to_next_end(self) -> None:
        """All jobs fit the machine: where some wait, something runs."""
        self.now = max(self._runs[0][0], self.now)
        while self._runs and self._runs[0][0] <= self.now:
            self._free_gpus += heapq.heappop(self._runs)[2].gpus


def _widened(start: Estimate, place: int, now: float) -> Estimate:
    sooner = 1.0 + _EARLIER * min(place / _EARLIER_PLACES, 1.0)
    longer = _LATER_FOR_FIRST + (_LATER - _LATER_FOR_FIRST) * min(place / _LATER_PLACES, 1.0)
    latest = now + (start.high - now) * longer + _LATER_SECONDS
    return Estimate(now + (start.low - now) / sooner, start.expected, latest)


def _forecast(starts_at: Estimate, run_seconds: Estimate) -> Forecast:
    run = run_seconds.at_least(0.0)
    ends_at = Estimate(starts_at.low + run.low, starts_at.expected + run.expected, starts_at.high + run.high)
    return Forecast(starts_at, ends_at)
