"""Foresight in a simulation: forecasts of packtrain's queue, beside forecasts by time limits, and what came true.

The second count each run as long as its time limit, as `squeue --start` does. No run tells of its own time left: runs
are known by their limits and their owners' earlier runs alone.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tuning.queue.estimate import Estimate
from tuning.queue.forecast import forecast
from tuning.queue.gpus import Gpus
from tuning.queue.order import Weights
from tuning.queue.play import ExpectedJob, GpusNow, HeldGpus
from tuning.queue.run_length import MOST_PARTS, run_length
from tuning.queue.simulation.engine import CYCLE_SECONDS, Moment, StartedJob, simulate
from tuning.queue.simulation.policies import FairQueue
from tuning.queue.simulation.trace import Trace
from tuning.queue.standing import RunningUse
from tuning.queue.waiting_job import Person, WaitingJob

_LOOK_SECONDS = 6 * 3600.0
"""So often the start of each waiting job is foretold."""


@dataclass(frozen=True, slots=True)
class Foresight:
    """Errors of the foretold starts of all waiting jobs at all looks; absolute, in seconds."""

    forecasts: int
    mean_wait_seconds: float
    """From the look to the start."""
    mean_error_seconds: float
    mean_error_by_limits_seconds: float
    inside: float
    """Part of the starts that lay within the bounds, give or take a cycle."""

    @property
    def error_ratio(self) -> float:
        """The mean error by that of forecasts by time limits."""
        return self.mean_error_seconds / max(self.mean_error_by_limits_seconds, 1.0)


@dataclass(frozen=True, slots=True)
class _Foretold:
    job_id: str
    made_at: float
    starts_at: Estimate
    by_limits: float


def foresight(trace: Trace, weights: Weights) -> Foresight:
    """Measure it on a workload under packtrain's order. All are 0 where no job ever waits at a look."""
    queue = _ForetellingQueue(trace, weights)
    runs = simulate(trace, queue)
    pairs = [(each, runs[int(each.job_id)]) for each in queue.foretold]
    if not pairs:
        return Foresight(0, 0.0, 0.0, 0.0, 0.0)
    return Foresight(
        len(pairs),
        statistics.fmean(run.started_at - each.made_at for each, run in pairs),
        statistics.fmean(abs(run.started_at - each.starts_at.expected) for each, run in pairs),
        statistics.fmean(abs(run.started_at - each.by_limits) for each, run in pairs),
        statistics.fmean(_is_inside(each, run) for each, run in pairs),
    )


class _ForetellingQueue(FairQueue):
    """packtrain's order, which foretells starts now and then, and learns how much of their limits runs take."""

    def __init__(self, trace: Trace, weights: Weights) -> None:
        super().__init__((job.person for job in trace.jobs), weights)
        self.foretold: list[_Foretold] = []
        self._parts: Mapping[Person, list[float]] = defaultdict(list)
        self._looked_at = -math.inf

    def ended(self, job: WaitingJob, run: StartedJob, now: float) -> None:
        """The part of its limit that it took counts for the person's next ones."""
        super().ended(job, run, now)
        its = self._parts[job.person]
        its.append(run.job.run_seconds / run.job.limit_seconds)
        del its[:-MOST_PARTS]

    def starting(self, moment: Moment) -> Sequence[WaitingJob]:
        """In packtrain's order; of those who stay the starts are foretold."""
        ordered = list(self.order(moment))
        starting = super().starting(moment)
        if moment.now - self._looked_at >= _LOOK_SECONDS and len(starting) < len(ordered):
            self._looked_at = moment.now
            began = {job.id for job in starting}
            self.foretold += (each for each in self._foretell(ordered, moment) if each.job_id not in began)
        return starting

    def _foretell(self, ordered: Sequence[WaitingJob], moment: Moment) -> Iterator[_Foretold]:
        now, running = moment.now, self.running().values()
        jobs = [ExpectedJob(job, run_length(job.limit_seconds, self._parts[job.person])) for job in ordered]
        free = Gpus(moment.free_gpus)
        ours = forecast(jobs, [GpusNow([self._held(run, now) for run in running], free)], now)
        by_limits = forecast(
            [ExpectedJob(job, Estimate.exactly(job.limit_seconds)) for job in ordered],
            [GpusNow([_held_to_limit(run) for run in running], free)],
            now,
        )
        for job in ordered:
            yield _Foretold(job.id, now, ours[job.id].starts_at, by_limits[job.id].starts_at.expected)

    def _held(self, run: RunningUse, now: float) -> HeldGpus:
        length = run_length(run.limit_seconds, self._parts[run.person], now - run.started_at)
        began = run.started_at
        ends_at = Estimate(began + length.low, began + length.expected, began + length.high)
        return HeldGpus(run.gpus, ends_at, _latest_end(run))


def _held_to_limit(run: RunningUse) -> HeldGpus:
    return HeldGpus(run.gpus, Estimate.exactly(_latest_end(run)), _latest_end(run))


def _latest_end(run: RunningUse) -> float:
    return run.started_at + run.limit_seconds


def _is_inside(foretold: _Foretold, run: StartedJob) -> bool:
    its = foretold.starts_at
    return its.low - CYCLE_SECONDS <= run.started_at <= its.high + CYCLE_SECONDS
