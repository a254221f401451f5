"""Play of the queue: jobs start as GPUs and limits come free, one after the other, as long as runs are as picked. Pure.

The same backfill that hands jobs over says what starts as soon as GPUs come free: it counts with time limits, as Slurm
does, and the runs end when they are thought to. Limits let jobs in as others end (tuning.queue.limits.ahead).
"""

import heapq
import math
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tuning.queue.backfill import startable
from tuning.queue.estimate import Estimate
from tuning.queue.gpu_time import GpuTime
from tuning.queue.gpus import Gpus
from tuning.queue.limits.ahead import BeforeAtLimits, LettingIn, LimitsAhead, Part
from tuning.queue.limits.limit import Account, LimitedJob
from tuning.queue.waiting_job import RunningJob, WaitingJob

MOST_PLAYED = 400
"""So many starts are played in a pool; those of the jobs behind them follow from the GPU time that is before them."""
_LOOK_AHEAD = 100
"""So many of the first jobs (of each type) are asked whether they start at a moment."""
_LOOK_AHEAD_BY_TYPE = 1_000
"""Among so many of the first ones, where GPUs of several types are told apart."""
_DAY_SECONDS = 86400.0
_HOURS_COUNT_SECONDS = 30 * _DAY_SECONDS


@dataclass(frozen=True, slots=True)
class HeldGpus:
    """GPUs that a run holds, ours or somebody else's."""

    gpus: int
    ends_at: Estimate
    ends_by: float
    """By its time limit."""
    limit_seconds: float = 0.0
    """Likewise these two of a run of ours: limits come free with it."""
    job_id: str = ""
    gpu_type: str | None = None
    """None = of several types, or not known."""


@dataclass(frozen=True, slots=True)
class GpusNow:
    """GPUs for which the same jobs compete."""

    holding: Sequence[HeldGpus]
    free: Gpus

    @property
    def gpus(self) -> Gpus:
        """All of them."""
        return self.free.at_least_none().plus_all(self.holding)


@dataclass(frozen=True, slots=True)
class ExpectedJob:
    """A waiting job, and how long it will run."""

    job: WaitingJob
    run_seconds: Estimate
    pool: int = 0
    """By its index."""
    limited: LimitedJob | None = None
    """As limits see it; None where they have let it in already, or there are none."""


Pick = Callable[[Estimate], float]


@dataclass(slots=True)
class _Pool:
    """A pool at a moment."""

    number: int
    free: Gpus
    gpus: Gpus
    jobs: Sequence[int]
    """Indices of all its jobs, in their order."""
    waiting: list[int]
    """Likewise of those that are let in, and have not started."""
    runs: dict[int, RunningJob] = field(default_factory=dict)
    started: int = 0
    is_done: bool = False


@dataclass(frozen=True, slots=True)
class _End:
    """The end of a run, or of what it used of limits."""

    pool: int | None
    gpus: int
    parts: Sequence[Part]
    unused: float = 1.0
    """Of its time limit."""
    gpu_type: str | None = None


class Opening:
    """A queue at the moment from which it is played on."""

    def __init__(
        self,
        ordered: Sequence[ExpectedJob],
        pools: Sequence[GpusNow],
        now: float,
        ahead: LimitsAhead,
        own_pools: int | None = None,
    ) -> None:
        """The jobs in their order: each fits its pool. Starts are wanted for those of the first `own_pools` alone."""
        self.ordered, self.pools, self.now = ordered, pools, now
        self.own_pools = len(pools) if own_pools is None else own_pools
        self.index = {each.job.id: index for index, each in enumerate(ordered)}
        self.live_parts = ahead.live_parts()
        limited = [None if each.job.id in self.live_parts else each.limited for each in ordered]
        self.letting_in = LettingIn(ahead, limited)
        self.jobs: list[list[int]] = [[] for _ in pools]
        """Indices of each pool's jobs; of those that limits let in now the next."""
        self.waiting: list[list[int]] = [[] for _ in pools]
        self.at_once: list[int] = []
        """Likewise, of those that need no GPUs."""
        self._let_in(ahead.behind)
        played = {held.job_id for pool in pools for held in pool.holding} | self.index.keys()
        self.elsewhere = tuple(ahead.live_elsewhere(played))
        """Live jobs that keep parts of limits on other machines."""
        self.leaving = [
            (at.timestamp(), Part(account, amount)) for account, use in ahead.uses.items() for at, amount in use.leaves
        ]
        """Hours of ended jobs, and when they cease to count."""

    def _let_in(self, behind: Mapping[str, Account]) -> None:
        for index, each in enumerate(self.ordered):
            self.jobs[each.pool].append(index)
            account = behind.get(each.job.id) if behind else None
            if account is not None:
                self.letting_in.keep_waiting(index, account)
            elif self.letting_in.lets_in(index):
                (self.waiting[each.pool] if each.job.gpus > 0 else self.at_once).append(index)


class Play:
    """A play of the queue from now on."""

    def __init__(self, opening: Opening, pick: Pick) -> None:
        """`pick` says how long runs are."""
        self._opening, self._ordered, self._pick = opening, opening.ordered, pick
        self._now, self._letting_in = opening.now, opening.letting_in.copy()
        self._starts: dict[str, float] = {}
        self._foretold: set[int] = set()
        """Jobs whose starts are told, and that no limit has let in yet."""
        self._ends: list[tuple[float, int, _End]] = []
        self._number = 0
        self._pools = [
            _Pool(number, pool.free.at_least_none(), pool.gpus, opening.jobs[number], list(opening.waiting[number]))
            for number, pool in enumerate(opening.pools)
        ]
        for number, pool in enumerate(opening.pools):
            self._hold(number, pool.holding)
        self._await_elsewhere()
        for index in opening.at_once:
            self._start(index)

    def starts(self) -> dict[str, float]:
        """The start of each job, by id; those of which nothing tells are missing."""
        changed: Iterable[_Pool] = self._pools
        while True:
            for pool in changed:
                self._fill(pool)
            own = self._pools[: self._opening.own_pools]
            is_going_on = any(pool.started < len(pool.jobs) and not pool.is_done for pool in own)
            if not is_going_on or not self._ends:
                return self._starts
            changed = self._pass_to_next_end()

    def _hold(self, number: int, holding: Iterable[HeldGpus]) -> None:
        for held in holding:
            end, ends_by = max(self._pick(held.ends_at), self._now), max(held.ends_by, self._now)
            parts = self._opening.live_parts.get(held.job_id, ())
            self._pools[number].runs[self._number] = RunningJob(held.gpus, ends_by, held.gpu_type)
            unused = _unused(ends_by - end, held.limit_seconds)
            self._push(end, _End(number, held.gpus, parts, unused, held.gpu_type))

    def _await_elsewhere(self) -> None:
        for job in self._opening.elsewhere:
            if job.expected_end_at is not None and job.ends_by is not None:
                end = max(job.expected_end_at.timestamp(), self._now)
                unused = _unused(job.ends_by.timestamp() - end, job.limit_seconds)
                self._push(end, _End(None, 0, self._opening.live_parts[job.id], unused))
        for at, part in self._opening.leaving:
            self._push(max(at, self._now), _End(None, 0, (part,)))

    def _push(self, at: float, end: _End) -> None:
        heapq.heappush(self._ends, (at, self._number, end))
        self._number += 1

    def _wait(self, index: int) -> None:
        """A job that limits let in waits for GPUs, or starts where it needs none."""
        each = self._ordered[index]
        pool = self._pools[each.pool]
        if pool.is_done:
            self._foretold.discard(index)
            self._leave_limits(index)
        elif each.job.gpus > 0:
            insort(pool.waiting, index)
        else:
            self._start(index)

    def _fill(self, pool: _Pool) -> None:
        """Start what can start in a pool now."""
        if pool.is_done or pool.free.total <= 0 or not pool.waiting:
            return
        first = self._first(pool)
        started = startable(first, list(pool.runs.values()), pool.free, self._now, largest_pass_first=True)
        for job in started:
            index = self._opening.index[job.id]
            del pool.waiting[bisect_left(pool.waiting, index)]
            self._start(index)
        if pool.started >= MOST_PLAYED:
            self._foretell_rest(pool)

    def _first(self, pool: _Pool) -> list[WaitingJob]:
        """The jobs to be asked: the very first, and of each type that is free the first ones."""
        if not pool.free.by_type:
            return [self._ordered[index].job for index in pool.waiting[:_LOOK_AHEAD]]
        jobs = [self._ordered[index].job for index in pool.waiting[:_LOOK_AHEAD_BY_TYPE]]
        left: Counter[str | None] = Counter()
        for gpu_type in (None, *pool.free.by_type):
            left[gpu_type] = _LOOK_AHEAD if pool.free.of(gpu_type) > 0 else 0
        first: list[WaitingJob] = []
        for job in jobs:
            if not first or left[job.gpu_type] > 0:
                first.append(job)
                left[job.gpu_type] -= 1
        return first

    def _start(self, index: int) -> None:
        each = self._ordered[index]
        pool, run_seconds = self._pools[each.pool], max(self._pick(each.run_seconds), 0.0)
        self._starts[each.job.id] = self._now
        pool.started += 1
        pool.free = pool.free.less(each.job)
        pool.runs[self._number] = RunningJob(each.job.gpus, self._now + each.job.limit_seconds, each.job.gpu_type)
        unused = _unused(each.job.limit_seconds - run_seconds, each.job.limit_seconds)
        end = _End(each.pool, each.job.gpus, self._parts(index), unused, each.job.gpu_type)
        self._push(self._now + run_seconds, end)

    def _parts(self, index: int) -> Sequence[Part]:
        live = self._opening.live_parts.get(self._ordered[index].job.id)
        return live or self._letting_in.parts(index) or ()

    def _pass_to_next_end(self) -> list[_Pool]:
        """The pools in which something may start then."""
        self._now = max(self._ends[0][0], self._now)
        changed: set[int] = set()
        freed: dict[Account, None] = {}  # in a fixed order
        while self._ends and self._ends[0][0] <= self._now:
            _, number, end = heapq.heappop(self._ends)
            if end.pool is not None:
                pool = self._pools[end.pool]
                pool.free = pool.free.plus(end)
                del pool.runs[number]
                changed.add(end.pool)
            if end.parts:
                freed |= dict.fromkeys(self._give_back(end))
        for index in self._letting_in.ask_again(freed):
            self._wait(index)
            changed.add(self._ordered[index].pool)
        return [self._pools[number] for number in sorted(changed)]

    def _give_back(self, end: _End) -> list[Account]:
        """Give parts of limits back: of hours what was not used, and the rest when it ceases to count."""
        used = [Part(part.account, part.amount * (1.0 - end.unused)) for part in end.parts if part.counts_on]
        if used:
            day = self._now // _DAY_SECONDS * _DAY_SECONDS
            self._push(day + _HOURS_COUNT_SECONDS, _End(None, 0, used))
        parts = [part._replace(amount=part.amount * end.unused) if part.counts_on else part for part in end.parts]
        self._letting_in.free(parts)
        return [part.account for part in parts]

    def _foretell_rest(self, pool: _Pool) -> None:
        """The starts of the pool's other jobs follow from the GPU time before them, and from that of their limits."""
        pool.is_done = True
        gpu_time = GpuTime(pool.gpus)
        for at, _, end in self._ends:
            if end.pool == pool.number:
                gpu_time.add(end, at - self._now)
        before = BeforeAtLimits(self._letting_in)
        for at, _, end in self._ends if before.is_needed else ():
            before.add(at - self._now, end.parts)
        rest = self._rest(pool, before.is_needed)
        for index in rest:
            each, parts = self._ordered[index], self._parts(index) if before.is_needed else ()
            run_seconds = max(self._pick(each.run_seconds), 0.0)
            if each.pool == pool.number:
                wait = max(gpu_time.add(each.job, run_seconds), before.wait_seconds(parts))
                if wait < math.inf:
                    self._starts[each.job.id] = self._now + wait
            before.add(run_seconds, parts)
        self._foretold.update(index for index in rest if self._ordered[index].pool == pool.number)
        self._foretold.difference_update(pool.waiting)
        for index in pool.waiting:
            self._leave_limits(index)

    def _rest(self, pool: _Pool, is_of_all: bool) -> list[int]:
        """The jobs that are yet to start, in order: of the pool, or of all pools where they compete for limits."""
        jobs = range(len(self._ordered)) if is_of_all else pool.jobs
        coming = (index for index in jobs if self._letting_in.parts(index) is not None)
        return [index for index in coming if index in self._foretold or self._ordered[index].job.id not in self._starts]

    def _leave_limits(self, index: int) -> None:
        """A job of a pool that is played no more gives its parts of limits back when it has run."""
        if parts := self._parts(index):
            each = self._ordered[index]
            run_seconds, limit_seconds = max(self._pick(each.run_seconds), 0.0), each.job.limit_seconds
            start = max(self._starts.get(each.job.id, self._now), self._now)
            unused = _unused(limit_seconds - run_seconds, limit_seconds)
            self._push(start + run_seconds, _End(None, 0, parts, unused))


def _unused(seconds: float, limit_seconds: float) -> float:
    """The part of a time limit that these seconds are."""
    return min(max(seconds / limit_seconds, 0.0), 1.0) if limit_seconds > 0 else 0.0
