"""Seconds per step: from stretches of plain training, since the pace last changed."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

MAX_STRETCHES = 48
MIN_STRETCH_SECONDS = 5
"""The log's clock counts whole seconds: shorter stretches would be mostly rounding."""

_ROUNDING_SECONDS = 0.5
_FEW = 3
_WARM_UP_STRETCHES = 8
_CLEAR_FALL = 0.15
_SMALLEST_CHANGE = 0.1
_FEWEST_AFTER_CHANGE = 2
# How many standard errors make a change. Getting faster is what warm-ups do, so little is asked; a slow-down that
# two stretches alone show may be two hiccups.
_CLEAR_FASTER = 2.5
_CLEAR_SLOWER = 4.0
_CLEAR_SLOWER_BY_TWO = 6.0
_MOST_ALIKE = 0.8
_USUAL_DRIFT = 0.04
"""Share by which the pace to come differs from that so far in runs at large: a first guess of a run's own."""
_USUAL_COUNTS_AS = 2
"""Errors of the run's own."""
_SPLITS = (0.25, 0.5, 0.75)
_RECENT_SHARE = 0.75


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
    noise: float = 0.0
    """Standard deviation of a single step's seconds, were steps independent of each other."""
    drift: float = _USUAL_DRIFT
    """Standard deviation of the pace to come from the present one, as a share."""

    def ahead(self, steps: int) -> tuple[float, float]:
        """Seconds of so many steps to come, and the standard deviation of that guess."""
        drift = self.drift * self.seconds_per_step
        deviation = math.hypot(steps * self.deviation, steps * drift, self.noise * math.sqrt(steps))
        return steps * self.seconds_per_step, deviation


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
    A pace that has become slower and faster again, though, is expected to do so again: then all of it counts.
    Of what counts, the mean and that of its last three quarters are averaged: two guesses err less than either.
    """
    if not stretches:
        return None
    level = present = _level(_levels(stretches))
    if len(level) == len(stretches) <= _FEW and stretches[-1].pace < stretches[0].pace:
        present = present[len(present) // 2 :]  # too few to see a change: what gets faster is likely a warm-up
    whole = _joined(present)
    noise = _spread(level) if len(level) > 1 else 0.3 * whole.pace
    deviation = math.hypot(noise / math.sqrt(len(present)), _ROUNDING_SECONDS / whole.steps)
    pace = (_seconds_per_step(whole) + _seconds_per_step(_joined(_recent(present)))) / 2
    if (limit := _limit_of_warm_up(stretches)) is not None:
        pace, deviation = limit, deviation + 0.5 * abs(stretches[-1].pace - limit)
    return Pace(
        seconds_per_step=pace,
        deviation=deviation,
        tokens_per_second=_tokens_per_second(present),
        stretches=len(present),
        noise=noise * math.sqrt(whole.steps / len(present)),
        drift=_drift(stretches),
    )


def _limit_of_warm_up(stretches: Sequence[Stretch]) -> float | None:
    """Where the first stretches of a process tend to while each is faster than the one before (Aitken's rule).

    Three in a row fall by chance as well; so each since the beginning has to.
    """
    if stretches[-1].seconds < MIN_STRETCH_SECONDS:
        stretches = stretches[:-1]  # it has only begun, and is mostly rounding
    if not _FEW <= len(stretches) <= _WARM_UP_STRETCHES or not _falls(stretches):
        return None
    first, second, third = (stretch.pace for stretch in stretches[-3:])
    if first - third <= _CLEAR_FALL * first:
        return None
    ratio = min((second - third) / (first - second), 0.7)
    return max(third - (second - third) * ratio / (1 - ratio), 0.5 * third)


def _tokens_per_second(stretches: Sequence[Stretch]) -> float | None:
    """Of those whose tokens are known: the console's bar counts steps alone."""
    counted = _joined([stretch for stretch in stretches if stretch.tokens])
    return counted.tokens / counted.seconds if counted.seconds else None


def _seconds_per_step(stretch: Stretch) -> float:
    return max(stretch.seconds, _ROUNDING_SECONDS) / stretch.steps


def _recent(stretches: Sequence[Stretch]) -> Sequence[Stretch]:
    return stretches[len(stretches) - math.ceil(_RECENT_SHARE * len(stretches)) :]


def _drift(stretches: Sequence[Stretch]) -> float:
    """Drift of the pace, past and to come: its change after a quarter, a half and three quarters of the run.

    As a share; with so few errors of its own a run is taken to be partly like others.
    """
    errors = list(_own_errors(stretches))
    squares = _USUAL_COUNTS_AS * _USUAL_DRIFT**2 + sum([error * error for error in errors])
    return math.sqrt(squares / (_USUAL_COUNTS_AS + len(errors)))


def _own_errors(stretches: Sequence[Stretch]) -> Iterator[float]:
    mean = _seconds_per_step(_joined(stretches))
    for share in _SPLITS:
        place = round(share * len(stretches))
        if 0 < place < len(stretches):
            yield (_joined(stretches[place:]).pace - _joined(stretches[:place]).pace) / mean


def _falls(stretches: Sequence[Stretch]) -> bool:
    return all(earlier.pace > later.pace for earlier, later in itertools.pairwise(stretches))


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


def _levels(stretches: Sequence[Stretch]) -> list[Sequence[Stretch]]:
    """The stretches, cut wherever the pace clearly changed."""
    if len(stretches) <= _FEWEST_AFTER_CHANGE:
        return [stretches]
    smooth = _without_spikes([stretch.pace for stretch in stretches])
    cuts = [0, *_changes(smooth, 0, len(smooth), _noise(stretches)), len(smooth)]
    return [stretches[first:end] for first, end in itertools.pairwise(cuts)]


def _changes(paces: Sequence[float], first: int, end: int, noise: float) -> list[int]:
    """Where in first..end the pace changed: at the clearest place, and again before and after it."""
    found = _clearest_change(paces, first, end, noise)
    if found is None:
        return []
    return [*_changes(paces, first, found, noise), found, *_changes(paces, found, end, noise)]


def _level(levels: Sequence[Sequence[Stretch]]) -> Sequence[Stretch]:
    """What is expected to go on: the last level, or all since the beginning when slower and faster ones take turns.

    A last one that is as long as all before it has outlasted their turns.
    """
    paces = [_joined(level).pace for level in levels]
    first = 0
    while first + 1 < len(paces) and paces[first] > paces[first + 1]:
        first += 1  # a beginning gets faster once
    comes_and_goes = any(before > after for before, after in itertools.pairwise(paces[first:]))
    turns = [stretch for level in levels[first:] for stretch in level]
    return turns if comes_and_goes and 2 * len(levels[-1]) < len(turns) else levels[-1]


def _joined(stretches: Sequence[Stretch]) -> Stretch:
    return Stretch(
        sum([stretch.steps for stretch in stretches]),
        sum([stretch.seconds for stretch in stretches]),
        sum([stretch.tokens for stretch in stretches]),
    )


def _spread(stretches: Sequence[Stretch]) -> float:
    """The standard deviation of a stretch's pace, hiccups and all; larger where slow ones follow slow ones.

    The mean of n such stretches is then as sure as that of fewer independent ones: (1 - r) / (1 + r) of n, where r is
    the correlation of neighbours.
    """
    mean = _joined(stretches).pace
    off = [stretch.pace - mean for stretch in stretches]
    squares = sum([value * value for value in off])
    if not squares:
        return _noise(stretches)
    alike = sum([value * other for value, other in itertools.pairwise(off)]) / squares
    alike = min(max(alike, 0.0), _MOST_ALIKE)
    return max(_noise(stretches), math.sqrt(squares / (len(off) - 1) * (1 + alike) / (1 - alike)))


def _without_spikes(paces: list[float]) -> list[float]:
    """Each pace as the median of it and its neighbours: one slow stretch alone is no change."""
    inner = [max(min(a, b), min(max(a, b), c)) for a, b, c in zip(paces, paces[1:], paces[2:], strict=False)]
    return [paces[0], *inner, inner[-1]]


def _clearest_change(paces: Sequence[float], first: int, end: int, noise: float) -> int | None:
    """Where in first..end the mean before and the mean after differ most, if that is clear at all."""
    best, best_score = None, 1.0
    before, after = 0.0, sum(paces[first:end])
    for index in range(first + 1, end - _FEWEST_AFTER_CHANGE + 1):
        before += paces[index - 1]
        after -= paces[index - 1]
        count_before, count_after = index - first, end - index
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
