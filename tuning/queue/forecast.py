"""Forecast of the queue: when waiting jobs start and end, with bounds.

The queue is played on three times (tuning.queue.play), with the runs as short as they may be, as expected, and as long
as they may be. Then the bounds are widened for what nobody knows yet: jobs that come later and go first, and places
that change as use and waits do. docs/benchmarks.md has the simulations that chose by how much.

Queues of other clusters are played beside it where jobs of both compete for a limit. Which cluster's worker is first
when something of the limit comes free nobody knows: their jobs take turns by their places.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from tuning.queue.estimate import Estimate
from tuning.queue.limits.ahead import LimitsAhead
from tuning.queue.limits.limit import Account
from tuning.queue.play import ExpectedJob, GpusNow, Opening, Play

_EARLIER, _EARLIER_PLACES = 3.0, 100
"""A job may start this much sooner (1 + it: a quarter of the wait) from this place on; before it, in proportion."""
_LATER_FOR_FIRST, _LATER, _LATER_PLACES = 1.5, 4.0, 10
"""The longest wait times this, for the first job and from this place on."""
_LATER_SECONDS = 600.0
"""And so much longer, however short the wait is."""

_PICKS = attrgetter("low"), attrgetter("expected"), attrgetter("high")


@dataclass(frozen=True, slots=True)
class Forecast:
    """Start and end of a waiting job."""

    starts_at: Estimate
    ends_at: Estimate


@dataclass(frozen=True, slots=True)
class ClusterQueue:
    """Queue of a cluster as it is played: waiting jobs in their order, and the GPUs for which they compete."""

    ordered: Sequence[ExpectedJob] = ()
    pools: Sequence[GpusNow] = ()
    behind: Mapping[str, Account] = field(default_factory=dict)
    """Jobs that would delay one with a reservation, by id, with its limit."""


def forecast(
    ordered: Sequence[ExpectedJob],
    pools: Sequence[GpusNow],
    now: float,
    ahead: LimitsAhead | None = None,
    beside: Sequence[ClusterQueue] = (),
) -> Mapping[str, Forecast]:
    """Starts and ends of the jobs of all pools, by id, in the order of the queue; `beside` are other clusters' queues.

    Left out are those for which all GPUs of their pool together are too few, and those at a limit of which nothing
    tells when it comes free. A job without GPUs waits for limits alone. Nothing is expected before now, whatever the
    estimates of runs say.
    """
    fitting = _fitting(ordered, pools)
    opening = _opening(ClusterQueue(fitting, pools), now, ahead or LimitsAhead(), beside)
    low, expected, high = (Play(opening, pick).starts() for pick in _PICKS)
    found: dict[str, Forecast] = {}
    places: Counter[int] = Counter()
    for each in fitting:
        job_id = each.job.id
        if job_id in low and job_id in expected and job_id in high:
            its = Estimate.around(expected[job_id], low[job_id], high[job_id])
            is_sure = each.job.gpus <= 0 and its.high <= now
            found[job_id] = _forecast(its if is_sure else _widened(its, places[each.pool], now), each.run_seconds)
        places[each.pool] += each.job.gpus > 0
    return found


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


def _fitting(ordered: Sequence[ExpectedJob], pools: Sequence[GpusNow]) -> list[ExpectedJob]:
    gpus = [pool.gpus for pool in pools]
    return [each for each in ordered if each.job.gpus <= gpus[each.pool].of(each.job.gpu_type)]


def _opening(own: ClusterQueue, now: float, ahead: LimitsAhead, beside: Sequence[ClusterQueue]) -> Opening:
    if not beside:
        return Opening(own.ordered, own.pools, now, ahead)
    queues = [own, *(replace(queue, ordered=_fitting(queue.ordered, queue.pools)) for queue in beside)]
    pools = [pool for queue in queues for pool in queue.pools]
    behind = dict(ahead.behind)
    for queue in beside:
        behind |= queue.behind
    return Opening(_in_turns(queues), pools, now, replace(ahead, behind=behind), own_pools=len(own.pools))


def _in_turns(queues: Sequence[ClusterQueue]) -> list[ExpectedJob]:
    """The jobs of all queues, by their places, then by age; a pool's number is that among the pools of all of them."""
    return [each for *_, each in sorted(_with_turns(queues), key=lambda turn: turn[:3])]


def _with_turns(queues: Sequence[ClusterQueue]) -> Iterator[tuple[int, float, str, ExpectedJob]]:
    pools_before = 0
    for queue in queues:
        for place, each in enumerate(queue.ordered):
            moved = replace(each, pool=pools_before + each.pool) if pools_before else each
            yield place, each.job.queued_at, each.job.id, moved
        pools_before += len(queue.pools)


def _widened(start: Estimate, place: int, now: float) -> Estimate:
    sooner = 1.0 + _EARLIER * min(place / _EARLIER_PLACES, 1.0)
    longer = _LATER_FOR_FIRST + (_LATER - _LATER_FOR_FIRST) * min(place / _LATER_PLACES, 1.0)
    latest = now + (start.high - now) * longer + _LATER_SECONDS
    return Estimate(now + (start.low - now) / sooner, start.expected, latest)


def _forecast(starts_at: Estimate, run_seconds: Estimate) -> Forecast:
    run = run_seconds.at_least(0.0)
    ends_at = Estimate(starts_at.low + run.low, starts_at.expected + run.expected, starts_at.high + run.high)
    return Forecast(starts_at, ends_at)
