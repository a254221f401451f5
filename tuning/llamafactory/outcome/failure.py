"""Cause of a failure in plain words, with the lines that show it and what to do. Pure; the causes are a table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from tuning.llamafactory.causes import CAUSES, OTHERWISE, PATTERNS, Row
from tuning.llamafactory.outcome.traceback_text import EVIDENCE_LINES, Raised, last_error, plain_lines, raised

_FURTHER_LINES = 4


@dataclass(frozen=True)
class Failure:
    """Cause of a run's failure, as the API shows it."""

    code: str
    message: str
    hint: str | None
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class End:
    """All that tells why a run ended."""

    exit_code: int | None = None
    """Of the batch script; None when it left no exit record."""
    word: str | None = None
    """Slurm's meaning in one word, or that of whoever ended it: stalled, lost."""
    stderr: str = ""
    """Its end."""
    stdout: str = ""
    missing: Sequence[str] = ()
    """What it did not leave."""


@dataclass(frozen=True)
class _Sign:
    """A row that fits, and what shows it."""

    row: Row
    line: str = ""
    evidence: tuple[str, ...] = ()


def explain(end: End) -> Failure:
    """The cause of a run's failure; never raises."""
    text = _Text(end)
    sign = next((sign for row in CAUSES if (sign := text.find(row)) is not None), _Sign(OTHERWISE))
    message = sign.row.message.format(
        line=sign.line, exit_code=end.exit_code, missing=", ".join(end.missing) or "what it was to leave"
    )
    return Failure(sign.row.code, message, sign.row.hint, sign.evidence or text.shown(sign.row.code))


class _Text:
    """The logs' ends, read once."""

    def __init__(self, end: End) -> None:
        self._end = end
        self.last = last_error(end.stderr)

    @cached_property
    def _stderr(self) -> tuple[str, ...]:
        return plain_lines(self._end.stderr)

    @cached_property
    def _stdout(self) -> tuple[str, ...]:
        return plain_lines(self._end.stdout)

    @cached_property
    def _raised(self) -> tuple[Raised, ...]:
        return raised(self._stderr)

    @cached_property
    def _last_raised(self) -> tuple[Raised, ...]:
        """The last one and, where it was raised because of others, those; the newest last."""
        first = len(self._raised) - 1
        while first > 0 and self._raised[first].is_chained:
            first -= 1
        return self._raised[max(first, 0) :]

    def shown(self, code: str) -> tuple[str, ...]:
        """The lines that show what a word or an exit code said already; without any, the last error."""
        signs = (self.find(row) for row in CAUSES if row.code == code)
        return next((sign.evidence for sign in signs if sign and sign.evidence), self.last.evidence)

    def find(self, row: Row) -> _Sign | None:
        """What shows that a row fits, or None."""
        match row.place:
            case "end" | "exit_code":
                said = self._end.word if row.place == "end" else str(self._end.exit_code)
                return _Sign(row) if row.sign == said else None
            case "stderr" | "log":
                lines = self._stderr if row.place == "stderr" else (*self._stderr, *self._stdout)
                return _joined(_in_errors(row, self._raised), _in_lines(row, lines))
            case "last":
                return self._in_last(row)
            case "raised":
                return _in_errors(row, self._raised)
            case "frames":
                return _in_errors(row, self._last_raised, in_frames=True)

    def _in_last(self, row: Row) -> _Sign | None:
        if self._raised or self.last.message is None:
            return _in_errors(row, self._last_raised)
        found = PATTERNS[row.sign].search(self.last.message)
        return _Sign(row, self.last.message, self.last.evidence) if found else None


def _in_errors(row: Row, errors: Sequence[Raised], *, in_frames: bool = False) -> _Sign | None:
    """The newest that fits."""
    pattern = PATTERNS[row.sign]
    for error in reversed(errors):
        shown = next((line for line in _looked_at(error, in_frames=in_frames) if pattern.search(line)), None)
        if shown is not None:
            return _Sign(row, error.message if in_frames else shown.strip(), error.evidence)
    return None


def _looked_at(error: Raised, *, in_frames: bool) -> Sequence[str]:
    place = error.traceback.index(error.message)
    return error.traceback[:place] if in_frames else error.traceback[place:]


def _in_lines(row: Row, lines: Sequence[str]) -> _Sign | None:
    """Each line that says it once, however many processes say it; the newest that differ."""
    said = list(dict.fromkeys(line.strip() for line in lines if PATTERNS[row.sign].search(line)))
    return _Sign(row, said[0], tuple(said[-EVIDENCE_LINES:])) if said else None


def _joined(error: _Sign | None, said: _Sign | None) -> _Sign | None:
    """An error with its frames, and what other lines and processes say of the same."""
    if error is None or said is None:
        return error or said
    shown = {line.strip() for line in error.evidence}
    more = [line for line in said.evidence if line not in shown][-_FURTHER_LINES:]
    return replace(error, evidence=(*error.evidence[len(more) - EVIDENCE_LINES :], *more))
