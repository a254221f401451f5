"""WMT's direct assessments: machine translations with a reference and people's scores, one a row of a csv.

Two sets of columns are about. The yearly files (2020-da.csv) have `z_score` and, as `score`, the raw one of 0 to 100;
the collection wmt-da-human-evaluation has `raw` and, as `score`, the z score (in deviations of the annotator's mean).
"""

import csv
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from packtrain.convert.wmt import Pair, Translation, absent
from packtrain.errors import Finding, InvalidInput

Target = Literal["ref", "mt"]
_NEEDED = ("lp", "src")
_Z_SCORE = ("z_score", "score")
_RAW_SCORE = ("raw", "raw_score")


@dataclass(frozen=True)
class Selection:
    """Selection of rows by pair and score, and the translation that is to be learned from them."""

    pair: Pair
    target: Target = "ref"
    """The reference, or the machine's translation that was assessed."""
    min_score: float | None = None
    """The least z score."""
    min_raw: float | None = None
    """The least raw score, of 0 to 100."""
    best_only: bool = False
    """One row for each source: the one with the highest z score, the first of equal ones."""


@dataclass
class Count:
    """Counts of the rows of the pair: taken, or left out by reason."""

    taken: int = 0
    below: int = 0
    """Their score is below the least that was asked for."""
    empty: int = 0
    """The source or the target is empty."""
    not_best: int = 0
    pairs: set[str] = field(default_factory=set)
    """All that the file holds."""


def read_assessments(lines: Iterable[str], selection: Selection, count: Count) -> Iterator[Translation]:
    """The selected translations, in the order of the file; `lines` keep their line ends.

    Memory is that of one row; with `best_only`, of one row for each source of the pair. Raises InvalidInput for a file
    that is no such csv, a row that is cut short, a score that is no number, or a pair that is not there.
    """
    rows = _numbered(lines)
    _, names = next(rows, (1, []))
    scored = _selected(rows, _Columns(names, selection), selection, count)
    for translation in _best(scored, count) if selection.best_only else (translation for translation, _ in scored):
        count.taken += 1
        yield translation
    if str(selection.pair) not in count.pairs:
        raise absent(selection.pair, count.pairs)


def _numbered(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, with the lines on which they begin: a cell may hold line ends."""
    reader = csv.reader(lines, strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except (csv.Error, UnicodeDecodeError) as error:
        raise _wrong(line, f"not readable as csv in UTF-8: {error}") from error


class _Columns:
    """Where in a row each column stands. Raises InvalidInput when one that is needed is missing."""

    def __init__(self, names: list[str], selection: Selection) -> None:
        self.width = len(names)
        self.pair, self.source, self.target = (_place(names, (name,)) for name in (*_NEEDED, selection.target))
        scored_by_z = selection.min_score is not None or selection.best_only
        self.z_score = _place(names, _Z_SCORE) if scored_by_z else None
        raw_names = (*_RAW_SCORE, "score") if "z_score" in names else _RAW_SCORE
        self.raw_score = _place(names, raw_names) if selection.min_raw is not None else None


def _place(names: list[str], wanted: tuple[str, ...]) -> int:
    for name in wanted:
        if name in names:
            return names.index(name)
    found = ", ".join(name[:40] for name in names[:20])
    hint = "a csv of direct assessments has lp, src, mt, ref and scores, and a first line that names them"
    raise InvalidInput([Finding(("file", 1), f"no column {' or '.join(wanted)} among: {found}", hint)])


def _selected(
    rows: Iterable[tuple[int, list[str]]], columns: _Columns, selection: Selection, count: Count
) -> Iterator[tuple[Translation, float]]:
    """With their z scores, or 0 where nobody asks for them."""
    for line, cells in rows:
        if len(cells) != columns.width:
            raise _wrong(line, f"{len(cells)} cells where the first line has {columns.width}")
        count.pairs.add(cells[columns.pair])
        if cells[columns.pair] == str(selection.pair):
            yield from _judged(cells, columns, selection, count, line)


def _judged(
    cells: list[str], columns: _Columns, selection: Selection, count: Count, line: int
) -> Iterator[tuple[Translation, float]]:
    z_score = _score(cells, columns.z_score, line)
    raw_score = _score(cells, columns.raw_score, line)
    translation = Translation(cells[columns.source].strip(), cells[columns.target].strip())
    if not all(translation):
        count.empty += 1
    elif _is_below(z_score, selection.min_score) or _is_below(raw_score, selection.min_raw):
        count.below += 1
    else:
        yield translation, z_score


def _score(cells: list[str], place: int | None, line: int) -> float:
    if place is None:
        return 0.0
    try:
        score = float(cells[place])
    except ValueError:
        score = math.nan
    if math.isnan(score):
        raise _wrong(line, f"the score {cells[place][:40]!r} is no number")
    return score


def _is_below(score: float, least: float | None) -> bool:
    return least is not None and score < least


def _best(scored: Iterable[tuple[Translation, float]], count: Count) -> Iterator[Translation]:
    best: dict[str, tuple[Translation, float]] = {}
    for translation, score in scored:
        known = best.get(translation.source)
        count.not_best += known is not None
        if known is None or score > known[1]:
            best[translation.source] = translation, score
    for translation, _ in best.values():
        yield translation


def _wrong(line: int, message: str) -> InvalidInput:
    return InvalidInput([Finding(("file", line), f"line {line}: {message}", "fetch the file anew, or mend that line")])
