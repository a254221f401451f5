"""Report on a data file: how much of it LLaMA-Factory would train on, and the problems of the rest."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from tuning.datasets.check.issues import EXPLANATIONS, Outcome, Reason
from tuning.datasets.check.layouts.formats import Formatting, Purpose
from tuning.datasets.check.read.rows import Encoding
from tuning.datasets.check.stats.histogram import Bin, rows_longer
from tuning.datasets.check.stats.totals import Lengths, RepeatCount, RoleCount, Scripts

PLACES_SHOWN = 20


@dataclass(frozen=True)
class Place:
    """One row: its number among the rows, and the line on which it begins, both from 1."""

    row: int
    line: int
    detail: str


@dataclass(frozen=True)
class RowProblem:
    """All rows with the same thing wrong."""

    reason: Reason
    outcome: Outcome
    message: str
    hint: str
    rows: int
    places: tuple[Place, ...]
    """The first 20 of them."""


@dataclass(frozen=True)
class DatasetReport:
    """The whole report; `as_json` is what the database and the API hold."""

    encoding: Encoding
    format: Formatting
    rows: int
    kept: int
    dropped: int
    problems: tuple[RowProblem, ...]
    columns: tuple[str, ...]
    unused_columns: tuple[str, ...]
    """Columns that LLaMA-Factory does not read with our entry."""
    characters: Lengths
    # What is behind here is not said by the reports of the first release.
    purpose: Purpose = "sft"
    made_from: Literal["csv", "parquet", "text", "openai", "questions"] | None = None
    """The table whose rows these JSON lines are; lines and rows are then the same."""
    media_files: int | None = None
    """Images, videos and audios that came along."""
    tokens: Lengths | None = None
    """Where a tokenizer was at hand."""
    turns: tuple[Bin, ...] = ()
    roles: tuple[RoleCount, ...] = ()
    scripts: Scripts | None = None
    repeats: RepeatCount | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers."""
        return asdict(self)


@dataclass(frozen=True)
class Truncation:
    """Kept rows that are longer than cutoff_len: LLaMA-Factory cuts them there, and with packing leaves them out."""

    cutoff_len: int
    unit: Literal["characters", "tokens"]
    """What was counted. A template adds tokens of its own to each row."""
    rows_at_least: int
    rows_at_most: int
    """The same, where cutoff_len is the end of a bin of the histogram, as powers of two are."""


def truncation(report: DatasetReport, cutoff_len: int) -> Truncation:
    """Number of rows that would be cut, by tokens where they were counted, else by characters."""
    lengths = report.tokens or report.characters
    unit: Literal["characters", "tokens"] = "tokens" if report.tokens else "characters"
    return Truncation(cutoff_len, unit, *rows_longer(lengths.histogram, cutoff_len))


class Tally:
    """Counts while the rows go by; its size does not grow with them."""

    def __init__(self) -> None:
        self.rows = 0
        self.outcomes = dict.fromkeys(Outcome, 0)
        self._counts: dict[Reason, int] = {}
        self._places: dict[Reason, list[Place]] = {}

    def note(self, reason: Reason, row: int, line: int, detail: str) -> None:
        """A row about which there is something to say."""
        self._counts[reason] = self._counts.get(reason, 0) + 1
        self.outcomes[EXPLANATIONS[reason].outcome] += 1
        places = self._places.setdefault(reason, [])
        if len(places) < PLACES_SHOWN:
            places.append(Place(row, line, detail))

    def has_notes(self) -> bool:
        """Whether there is something to say about any row."""
        return bool(self._counts)

    def problems(self) -> tuple[RowProblem, ...]:
        """Noted problems, the worst first, then the most frequent."""
        worst_first = list(Outcome)
        found = [self._problem(reason) for reason in self._counts]
        return tuple(sorted(found, key=lambda problem: (worst_first.index(problem.outcome), -problem.rows)))

    def _problem(self, reason: Reason) -> RowProblem:
        explained = EXPLANATIONS[reason]
        return RowProblem(
            reason=reason,
            outcome=explained.outcome,
            message=explained.message,
            hint=explained.hint,
            rows=self._counts[reason],
            places=tuple(self._places[reason]),
        )
