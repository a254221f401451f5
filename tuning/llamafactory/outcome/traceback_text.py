"""The text of a log as people need it: plain lines, and the errors in them with the lines that show each."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, moves of the cursor
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, DCS: titles, links
    r"|\x1b[@-_]"
    # controls but tab and newline, and what turns the direction of reading or breaks a line
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)
_RANK = re.compile(r"^\[(?:rank|default)\d+\]:? ?")
_START = "Traceback (most recent call last):"
_RAISED = re.compile(r"[A-Za-z_][\w.]*(?:: .*)?")
# They say only that a child failed; what happened stands in the child's own traceback before them.
_WRAPPERS = ("ChildFailedError", "CalledProcessError", "SignalException")
# What programs without a traceback say last when they give up.
_GIVING_UP = re.compile(r"\b(FATAL|fatal|error|ERROR|Error|Killed|not found|No space left|Permission denied)\b")
_BAR = re.compile(r"^.*?\d+%\|[^|]*\| [^\[]*\[[^\]]*\] ?")
"""A progress bar, which leaves no line end behind it: whatever is written next stands on its line."""
_MARKERS = re.compile(r"\s+[~^]+")
"""Below a frame's line of code: which part of it; of the ten lines that are shown they would take a third."""
_CHAINED = ("the following exception:", "another exception occurred:")

MAX_LINE_CHARACTERS = 300
_READ_CHARACTERS = 2_000
"""Of a line so much is looked at: the patterns above take time with its square."""
EVIDENCE_LINES = 10
_CONTINUED_LINES = 3
"""Of a message of several lines ("size mismatch for ...") so many are shown beside the first."""


@dataclass(frozen=True)
class LastError:
    """Last error that a process printed before it died."""

    message: str | None
    """`ValueError: ...`, or the last line that speaks of an error; None where nothing was said."""
    evidence: tuple[str, ...]
    """The lines that show it, oldest first."""


@dataclass(frozen=True)
class Raised:
    """An exception that ended a traceback."""

    message: str
    """`ValueError: ...`"""
    traceback: tuple[str, ...]
    """All of it: the frames, the message, and the further lines of the message."""
    is_chained: bool
    """It was raised because of the one before, or while that was handled."""

    @property
    def evidence(self) -> tuple[str, ...]:
        """The message and the frames next to it."""
        end = self.traceback.index(self.message) + 1 + _CONTINUED_LINES
        return self.traceback[max(0, min(end, len(self.traceback)) - EVIDENCE_LINES) : end]


def plain_lines(text: str) -> tuple[str, ...]:
    """Without colours, control characters, ranks, empty lines, markers and progress bars."""
    whole = (line.rstrip("\r").rpartition("\r")[2][:_READ_CHARACTERS] for line in text.split("\n"))
    plain = (_RANK.sub("", _BAR.sub("", _ESCAPES.sub("", line))).rstrip()[:MAX_LINE_CHARACTERS] for line in whole)
    return tuple(line for line in plain if line and not _MARKERS.fullmatch(line))


def raised(lines: Sequence[str]) -> tuple[Raised, ...]:
    """Every exception that ended a traceback, oldest first; torchrun's and the launcher's own are looked through."""
    starts = [index for index, line in enumerate(lines) if line == _START]
    found = (_raised(lines, start) for start in starts)
    return tuple(error for error in found if error is not None)


def last_error(text: str) -> LastError:
    """The last error of a log's tail."""
    lines = plain_lines(text)
    errors = raised(lines)
    if errors:
        return LastError(errors[-1].message, errors[-1].evidence)
    said = [line for line in lines if _GIVING_UP.search(line)] or lines
    return LastError(said[-1] if said else None, tuple(lines[-EVIDENCE_LINES:]))


def _raised(lines: Sequence[str], start: int) -> Raised | None:
    """The exception of a traceback: the first line after the frames that is not indented names it."""
    end = next((index for index in range(start + 1, len(lines)) if not lines[index].startswith(" ")), None)
    if end is None or not _RAISED.fullmatch(lines[end]) or lines[end].split(":")[0].endswith(_WRAPPERS):
        return None
    after = next((index for index in range(end + 1, len(lines)) if not lines[index][0].isspace()), len(lines))
    is_chained = start > 0 and lines[start - 1].endswith(_CHAINED)
    return Raised(lines[end], tuple(lines[start:after]), is_chained)
