"""Seconds per step: from stretches of plain training, since the pace last changed."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_STRETCHES = 48
MIN_STRETCH_SECONDS = 5
"""The log's clock counts whole seconds: shorter stretches would be mostly rounding."""

_ROUNDING_SECONDS = 0.5
_FEW = 3
_WARM_UP_STRETCHES = 8
_CLEAR_FALL = 0.15
_SMALLEST_CHANGE = 0.05
_FEWEST_AFTER_CHANGE = 2
# How many standard errors make a change. Getting faster is what warm-ups do, so little is asked; a slow-down that
# two stretches alone show may be two hiccups.
_CLEAR_FASTER = 2.5
_CLEAR_SLOWER = 4.0
_CLEAR_SLOWER_BY_TWO = 6.0


@dataclass(frozen=True)
class Stretch:
    """Some training without an evaluation or a save in it."""

    steps: int
    seconds: float
    tokens: int

    @property
    def pace(self) -> float:
        """Seconds per step."""
        return self.seconds / self.steps


@dataclass(frozen=True)
class Pace:
    """Seconds per step, how sure that is, and the tokens trained on meanwhile."""

    seconds_per_step: float
    deviation: float
    """Standard deviation of seconds_per_step."""
    tokens_per_second: float | None
    stretches: int


def extend(stretches: Sequence[Stretch], new: Stretch) -> tuple[Stretch, ...]:
    """The stretches with one more: a short last one grows, and neighbours are joined when there are too many."""
    if stretches and stretches[-1].seconds < _wanted_seconds(stretches):
        grown = [*stretches[:-1], _join(stretches[-1], new)]
    else:
        grown = [*stretches, new]
    if len(grown) <= MAX_STRETCHES:
        return tuple(grown)
    pairs = [_join(first, second) for first, second in zip(grown[::2], grown[1::2], strict=False)]
    return tuple(pairs + grown[2 * len(pairs) :])


def measure(stretches: Sequence[Stretch]) -> Pace | None:
    """The present pace; None where nothing can be said.

    A slow beginning (compilation, caches) and a slow-down half way are one thing here: the pace changed, and only
    what came after the last clear change counts. A beginning that is still getting faster is followed to its limit.
    """
    if not stretches:
        return None
    present = stretches[_last_change(stretches) :]
    if len(present) == len(stretches) <= _FEW:
        present = present[len(present) // 2 :]  # too few to see a change: the later ones are less likely a warm-up
    steps, seconds = sum(s.steps for s in present), sum(s.seconds for s in present)
    tokens = sum(s.tokens for s in present)
    noise = _noise(present) if len(present) > 1 else 0.3 * seconds / steps
    deviation = math.hypot(noise / math.sqrt(len(present)), _ROUNDING_SECONDS / steps)
    pace = max(seconds, _ROUNDING_SECONDS) / steps
    if (limit := _limit_of_warm_up(stretches)) is not None:
        pace, deviation = limit, deviation + 0.5 * abs(stretches[-1].pace - limit)
    return Pace(pace, deviation, tokens / seconds if tokens and seconds else None, len(present))


def _limit_of_warm_up(stretches: Sequence[Stretch]) -> float | None:
    """Where the first stretches of a process tend to while each is faster than the one before (Aitken's rule)."""
    if not _FEW <= len(stretches) <= _WARM_UP_STRETCHES:
        return None
    first, second, third = (stretch.pace for stretch in stretches[-3:])
    if not (first > second > third and first - third > _CLEAR_FALL * first):
        return None
    ratio = min((second - third) / (first - second), 0.7)
    return max(third - (second - third) * ratio / (1 - ratio), 0.5 * third)


def _median(values: Iterable[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _wanted_seconds(stretches: Sequence[Stretch]) -> float:
    """Long runs get long stretches: about as long as those that were joined before."""
    if len(stretches) < MAX_STRETCHES // 2:
        return MIN_STRETCH_SECONDS
    return max(MIN_STRETCH_SECONDS, _median(stretch.seconds for stretch in stretches[:-1]) * 0.8)


def _join(first: Stretch, second: Stretch) -> Stretch:
    return Stretch(first.steps + second.steps, first.seconds + second.seconds, first.tokens + second.tokens)


def _noise(stretches: Sequence[Stretch]) -> float:
    """The spread of a stretch's pace, from neighbours' differences: a change of the level does not enter."""
    differences = [abs(a.pace - b.pace) for a, b in itertools.pairwise(stretches)]
    mean_steps = sum(s.steps for s in stretches) / len(stretches)
    spread = sorted(differences)[(len(differences) - 1) // 2] * 1.4826 / math.sqrt(2)
    return max(spread, _ROUNDING_SECONDS / mean_steps, 0.01 * stretches[-1].pace)


def _last_change(stretches: Sequence[Stretch]) -> int:
    """The index from which on the pace is one."""
    if len(stretches) <= _FEWEST_AFTER_CHANGE:
        return 0
    noise = _noise(stretches)
    smooth = _without_spikes([stretch.pace for stretch in stretches])
    start = 0
    while (found := _clearest_change(smooth, start, noise)) is not None:
        start = found
    return start


def _without_spikes(paces: list[float]) -> list[float]:
    """Each pace as the median of it and its neighbours: one slow stretch alone is no change."""
    inner = [_median(paces[i - 1 : i + 2]) for i in range(1, len(paces) - 1)]
    return [paces[0], *inner, _median(paces[-3:])]


def _clearest_change(paces: Sequence[float], start: int, noise: float) -> int | None:
    """Where, after `start`, the mean before and the mean after differ most, if that is clear at all."""
    best, best_score = None, 1.0
    before, after = 0.0, sum(paces[start:])
    for index in range(start + 1, len(paces) - _FEWEST_AFTER_CHANGE + 1):
        before += paces[index - 1]
        after -= paces[index - 1]
        count_before, count_after = index - start, len(paces) - index
        slower = after / count_after - before / count_before
        errors = abs(slower) / (noise * math.sqrt(1 / count_before + 1 / count_after))
        score = errors / _clear(slower, count_after)
        if score > best_score and abs(slower) > _SMALLEST_CHANGE * after / count_after:
            best, best_score = index, score
    return best


def _clear(slower: float, count_after: int) -> float:
    if slower < 0:
        return _CLEAR_FASTER
    return _CLEAR_SLOWER if count_after > _FEWEST_AFTER_CHANGE else _CLEAR_SLOWER_BY_TWO
