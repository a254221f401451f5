"""GPUs of a cluster as the forecast counts them: free ones, those of our runs until they end, and of others. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from server.feed.queue.readings import Readings
from tuning.jobs.queries.queue.gpu_use import GpuUse, gpu_uses
from tuning.jobs.queries.queue.standing import RunningRow
from tuning.queue.estimate import Estimate
from tuning.queue.gpus import Gpus
from tuning.queue.play import GpusNow, HeldGpus
from tuning.queue.run_length import run_length

_HOUR_SECONDS = 3600.0
_OTHERS_SECONDS = Estimate(1 * _HOUR_SECONDS, 4 * _HOUR_SECONDS, 24 * _HOUR_SECONDS)
"""Until others give their GPUs back: nobody tells us of their jobs."""
_OTHERS_ENDS = 8
"""They do so little by little, in so many parts."""


@dataclass(frozen=True)
class Machine:
    """GPUs for which the jobs of some partitions compete."""

    partitions: frozenset[str]
    """As jobs ask for them."""
    gpus: Gpus
    free: Gpus
    holding: Sequence[HeldGpus]
    running: Sequence[tuple[RunningRow, Estimate]]
    """Our runs, and when they end; where types are told apart each with that of its GPUs, as far as it is known."""

    @property
    def gpus_now(self) -> GpusNow:
        """The same for the forecast."""
        return GpusNow(self.holding, self.free)


def machines(readings: Readings, further: Collection[str] = ()) -> list[Machine]:
    """A machine for each pool of GPUs that jobs ask for, or for further partitions; none where no GPUs are known."""
    if readings.snapshot is None or readings.snapshot_at is None:
        return []
    rows = readings.rows
    waiting = {row.partition for row in (*rows.waiting, *readings.held)}
    asked = waiting | set(further)
    uses = gpu_uses(readings.snapshot, readings.snapshot_at, rows.running, readings.given_back, asked)
    return [_machine(use, readings) for use in uses if use.gpus.total > 0]


def run_ends(row: RunningRow, readings: Readings) -> Estimate:
    """End of a run: by its own word, else by its time limit and its owner's earlier runs."""
    now = readings.read_at.timestamp()
    if row.expected_end_at is not None:
        return _own_word(row, row.expected_end_at.timestamp()).at_least(now)
    parts = readings.parts.get(row.person, ())
    length = run_length(row.limit_seconds, parts, now - row.started_at)
    ends = Estimate(row.started_at + length.low, row.started_at + length.expected, row.started_at + length.high)
    return ends.at_least(now)


def _own_word(row: RunningRow, expected_end: float) -> Estimate:
    if row.observed_at is None or row.eta_low_seconds is None or row.eta_high_seconds is None:
        return Estimate.exactly(expected_end)
    seen = row.observed_at.timestamp()
    return Estimate.around(expected_end, seen + row.eta_low_seconds, seen + row.eta_high_seconds)


def _machine(use: GpuUse, readings: Readings) -> Machine:
    ours = [(row, run_ends(row, readings)) for row in use.runs]
    holding = [
        HeldGpus(row.gpus, ends, row.started_at + row.limit_seconds, row.limit_seconds, row.job_id, row.gpu_type)
        for row, ends in ours
    ]
    holding += _held_by_others(use.others, readings.read_at.timestamp())
    return Machine(use.partitions, use.gpus, use.free, holding, ours)


def _held_by_others(others: Gpus, now: float) -> Iterator[HeldGpus]:
    """Of each type as many as are known to be of it; the rest are of none that is known."""
    left = others.total
    for gpu_type, count in others.by_type.items():
        yield from _given_back_slowly(min(count, left), gpu_type, now)
        left -= min(count, left)
    yield from _given_back_slowly(left, None, now)


def _given_back_slowly(gpus: int, gpu_type: str | None, now: float) -> Iterator[HeldGpus]:
    parts = min(gpus, _OTHERS_ENDS)
    for number in range(parts):
        share = 2 * (number + 1) / (parts + 1)
        its = _OTHERS_SECONDS
        ends = Estimate(now + its.low * share, now + its.expected * share, now + its.high * share)
        held = gpus // parts + (number < gpus % parts)
        yield HeldGpus(held, ends, now + its.high, gpu_type=gpu_type)
