"""GPUs over time by person: steps from now until most of them are expected to be free. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LONGEST_SECONDS = 48 * 3600.0
MOST_PEOPLE = 7
"""So many have a colour of their own; the rest is one part."""


@dataclass(frozen=True)
class HeldGpus:
    """GPUs of a run until its expected end (seconds since 1970). Without a name: of somebody not to be seen."""

    person: str
    gpus: int
    ends_at: float


@dataclass(frozen=True)
class Band:
    """GPUs of a person: at each step so many, above those of the bands before."""

    person: str
    gpus: int
    """Now."""
    next_free_at: float
    points: str
    """Of an SVG polygon, in units of `Timeline`."""


@dataclass(frozen=True)
class Tick:
    """A mark of the time axis."""

    x: float
    at: float


@dataclass(frozen=True)
class Timeline:
    """A picture `WIDTH` wide and `HEIGHT` high, from `begins_at` to `ends_at`; all GPUs fill its height."""

    begins_at: float
    ends_at: float
    gpus: int
    bands: Sequence[Band]
    ticks: Sequence[Tick]


WIDTH, HEIGHT = 1000.0, 120.0
_SPANS_SECONDS = (900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 21_600.0, 43_200.0)
_MOST_TICKS = 7
_SHORTEST_SECONDS = 900.0
_LEFT_OUT = 0.2
_EDGE = 40.0
"""Between a tick and either end of the picture."""


def timeline(held: Iterable[HeldGpus], gpus: int, now: float) -> Timeline | None:
    """The picture; None where nothing is held."""
    runs = _by_people(held)
    if not runs or gpus <= 0:
        return None
    end = now + min(max(_mostly_free(runs) - now, _SHORTEST_SECONDS), LONGEST_SECONDS)
    total = max(gpus, sum(run.gpus for run in runs))
    people = [person for person, _ in _gpus_now(runs)]
    moments = sorted({now, end, *(min(max(run.ends_at, now), end) for run in runs)})
    heights = [[_held_at(runs, person, moment) for person in people] for moment in moments[:-1]]
    bands = [
        Band(person, gpus_now, _next_free(runs, person), _polygon(number, moments, heights, total))
        for number, (person, gpus_now) in enumerate(_gpus_now(runs))
    ]
    return Timeline(now, end, total, bands, _ticks(now, end))


def _mostly_free(runs: Sequence[HeldGpus]) -> float:
    """Time at which four fifths of the GPUs held now are free: a few long runs would press all others to the left."""
    held = left = sum(run.gpus for run in runs)
    for run in sorted(runs, key=lambda run: run.ends_at):
        left -= run.gpus
        if left <= held * _LEFT_OUT:
            return run.ends_at
    return 0.0


def _by_people(held: Iterable[HeldGpus]) -> list[HeldGpus]:
    """The runs, with all but those who hold most put together under the empty name."""
    runs = [run for run in held if run.gpus > 0]
    named = Counter[str]()
    for run in runs:
        if run.person:
            named[run.person] += run.gpus
    kept = {person for person, _ in named.most_common(MOST_PEOPLE)}
    return [run if run.person in kept else HeldGpus("", run.gpus, run.ends_at) for run in runs]


def _gpus_now(runs: Sequence[HeldGpus]) -> list[tuple[str, int]]:
    """People with their GPUs, those with most first, others last."""
    counts = Counter[str]()
    for run in runs:
        counts[run.person] += run.gpus
    return sorted(counts.items(), key=lambda item: (item[0] == "", -item[1], item[0]))


def _held_at(runs: Sequence[HeldGpus], person: str, moment: float) -> int:
    return sum(run.gpus for run in runs if run.person == person and run.ends_at > moment)


def _next_free(runs: Sequence[HeldGpus], person: str) -> float:
    return min(run.ends_at for run in runs if run.person == person)


def _polygon(number: int, moments: Sequence[float], heights: Sequence[Sequence[int]], total: int) -> str:
    """Steps along the top of a band, and back along its bottom."""
    begins, length = moments[0], moments[-1] - moments[0]
    top: list[tuple[float, float]] = []
    bottom: list[tuple[float, float]] = []
    for start, end, row in zip(moments, moments[1:], heights, strict=False):
        below, own = sum(row[:number]), row[number]
        for moment in (start, end):
            x = WIDTH * (moment - begins) / length
            top.append((x, HEIGHT * (1 - (below + own) / total)))
            bottom.append((x, HEIGHT * (1 - below / total)))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in (*top, *reversed(bottom)))


def _ticks(begin: float, end: float) -> list[Tick]:
    """Round times, not too many, and none at an edge."""
    span = next((each for each in _SPANS_SECONDS if (end - begin) / each <= _MOST_TICKS), _SPANS_SECONDS[-1])
    first = (begin // span + 1) * span
    count = int((end - first) // span) + 1 if end > first else 0
    ticks = [
        Tick(WIDTH * (first + number * span - begin) / (end - begin), first + number * span) for number in range(count)
    ]
    return [tick for tick in ticks if _EDGE <= tick.x <= WIDTH - _EDGE]
