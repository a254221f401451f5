"""Cause of a failure in plain words, with the lines that show it and what to do. Pure; the causes are a table."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from tuning.llamafactory.causes import CAUSES, OTHERWISE, Row, pattern
from tuning.llamafactory.outcome.traceback_text import (
    EVIDENCE_LINES,
    Raised,
    causes_of,
    continued,
    died_of,
    end_of_chain,
    first_failures,
    last_error,
    message_of,
    own_words,
    plain_lines,
    raised,
    without_asides,
    written_over,
)

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
    """Texts and codes of a run's end, from which its cause is found."""

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

    @property
    def is_bare(self) -> bool:
        """It tells no cause."""
        return self.row.code == OTHERWISE.code and not self.row.sign


def explain(end: End) -> Failure:
    """The cause of a run's failure; never raises."""
    text, sign = _told(end, without_asides(end.stderr))
    if sign.is_bare:
        aside = _told(end, end.stderr)
        text, sign = (text, sign) if sign.line and aside[1].is_bare else aside
    message = sign.row.message.format(
        line=sign.line, exit_code=end.exit_code, missing=", ".join(end.missing) or "what it was to leave"
    )
    return Failure(sign.row.code, message, sign.row.hint, sign.evidence or text.shown(sign.row.code))


def _told(end: End, errors: str) -> tuple["_Text", _Sign]:
    """The first row that fits, where errors are looked for in a part of stderr."""
    text = _Text(end, errors)
    return text, next((sign for row in CAUSES if (sign := text.find(row)) is not None), _Sign(OTHERWISE))


class _Text:
    """The logs' ends, read once."""

    def __init__(self, end: End, errors: str) -> None:
        self._end = end
        self._errors = errors
        self.last = last_error(errors)
        self._raised = raised(errors)

    @cached_property
    def _stderr(self) -> tuple[str, ...]:
        return first_failures(plain_lines(self._end.stderr))

    @cached_property
    def _own_words(self) -> tuple[str, ...]:
        """The lines of processes whose tracebacks cannot be read."""
        return own_words(first_failures(plain_lines(self._errors)))

    @cached_property
    def _written_over(self) -> Raised | None:
        return written_over(self._own_words)

    @cached_property
    def _stdout(self) -> tuple[str, ...]:
        return plain_lines(self._end.stdout)

    @cached_property
    def _died_of(self) -> tuple[Raised, ...]:
        return died_of(self._raised)

    def shown(self, code: str) -> tuple[str, ...]:
        """The lines that show what a word or an exit code said already; without any, the last error."""
        signs = (self.find(row) for row in CAUSES if row.code == code)
        return next((sign.evidence for sign in signs if sign and sign.evidence), self.last.evidence)

    def find(self, row: Row) -> _Sign | None:
        """Sign that a row fits, or None."""
        found = self._find(row)
        if found is None or row.also is None:
            return found
        also = _Sign(row, evidence=_saying(pattern(row.also), (*self._stderr, *self._stdout)))
        return _joined(found, also)

    def _find(self, row: Row) -> _Sign | None:
        match row.place:
            case "end" | "exit_code":
                said = self._end.word if row.place == "end" else str(self._end.exit_code)
                return _Sign(row) if row.sign == said else None
            case "stderr" | "log":
                lines = self._stderr if row.place == "stderr" else (*self._stderr, *self._stdout)
                return _joined(_in_errors(row, self._raised), _in_lines(row, lines))
            case "raised" | "last":
                errors = self._raised if row.place == "raised" else self._died_of
                return _in_errors(row, errors) if errors else self._in_own_words(row)

    def _in_own_words(self, row: Row) -> _Sign | None:
        """Without a sign, the last error that is told by itself."""
        if row.within or row.raised_by:
            return _in_error(row, self._written_over) if self._written_over else None
        if self.last.message is None:
            return None
        if not row.sign:
            return self._with_what_follows(_Sign(row, self.last.message, self.last.evidence))
        found = _in_lines(row, self._own_words)
        return self._with_what_follows(replace(found, line=found.evidence[-1])) if found else None

    def _with_what_follows(self, sign: _Sign) -> _Sign:
        """A message of several lines, whole."""
        further = continued(self._stderr, sign.line.strip())
        line = message_of(sign.line, further)
        return replace(sign, line=line, evidence=(*sign.evidence[len(further) - EVIDENCE_LINES :], *further))


def _in_errors(row: Row, errors: Sequence[Raised]) -> _Sign | None:
    """The newest that fits, shown with what it was raised because of, and with what it led to."""
    for error in reversed(errors):
        sign = _in_error(row, error)
        if sign is not None:
            return _leading_to(end_of_chain(error, errors).message, _led_to_by(causes_of(error, errors), sign))
    return None


def _led_to_by(causes: Sequence[Raised], sign: _Sign) -> _Sign:
    """The sign of an error, behind the messages of those that led to it."""
    messages = dict.fromkeys(cause.message for cause in causes if cause.message not in sign.evidence)
    return replace(sign, evidence=(*messages, *sign.evidence[len(messages) - EVIDENCE_LINES :]))


def _leading_to(end: str, sign: _Sign) -> _Sign:
    """The sign of an error, before the message that a process died with because of it."""
    return sign if end in sign.evidence else replace(sign, evidence=(*sign.evidence[1 - EVIDENCE_LINES :], end))


def _in_error(row: Row, error: Raised) -> _Sign | None:
    if row.within and not any(map(pattern(row.within).search, error.frames)):
        return None
    if row.unless and any(map(pattern(row.unless).search, (*error.said, *error.frames))):
        return None
    if row.raised_by and not pattern(row.raised_by).search(error.origin):
        return None
    sign = pattern(row.sign)
    if sign.search(error.message):
        return _Sign(row, error.message, error.evidence())
    shown = next((line for line in error.said if sign.search(line)), None)
    return _Sign(row, shown.strip(), error.evidence(shown)) if shown is not None else None


def _in_lines(row: Row, lines: Sequence[str]) -> _Sign | None:
    if row.unless is not None:
        lines = [line for line in lines if not pattern(row.unless).search(line)]
    said = _saying(pattern(row.sign), lines)
    return _Sign(row, said[0], said[-EVIDENCE_LINES:]) if said else None


def _saying(sign: re.Pattern[str], lines: Sequence[str]) -> tuple[str, ...]:
    """Each line that says it once, however many processes say it."""
    return tuple(dict.fromkeys(line.strip() for line in lines if sign.search(line)))


def _joined(error: _Sign | None, said: _Sign | None) -> _Sign | None:
    """An error with its frames, and what other lines and processes say of the same."""
    if error is None or said is None:
        return error or said
    shown = {line.strip() for line in error.evidence}
    more = [line for line in said.evidence if line not in shown][-_FURTHER_LINES:]
    return replace(error, evidence=(*error.evidence[len(more) - EVIDENCE_LINES :], *more))
