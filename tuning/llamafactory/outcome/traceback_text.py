"""The text of a log as people need it: plain lines, and the errors in them with the lines that show each."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, moves of the cursor
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, DCS: titles, links
    r"|\x1b[@-_]"
    # controls but tab and newline, and what turns the direction of reading or breaks a line
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)
_RANK = re.compile(
    r"^(?:\[((?:rank|default)\d+)\]:? ?"  # torchrun
    r"|\((\w+ pid=\d+)[^)]*\) ?(?:[A-Z]+ \d\d-\d\d [\d:]+ \[[\w./]+:\d+\] ?)?)"  # vLLM with its logger, Ray
)
_START = "Traceback (most recent call last):"
_RAISED = re.compile(r"(?!(?:[A-Z]+|wandb|srun|slurmstepd|packtrain)\b:)[A-Za-z_][\w.]*(?:: .*|:)?")
_RAISED_PLAINLY = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit)(?:: .*|:)?")
"""Such a line is an exception wherever it stands; another may be the word of somebody else in between."""
_EXCEPTION = re.compile(r"[\w.]+(Error|Exception|Interrupt|Exit)\b")
# They say only that a child failed; what happened stands in the child's own traceback before them.
_WRAPPER = re.compile(
    r"[\w.]*(ChildFailedError|SignalException)\b|[\w.]*CalledProcessError: .*(torchrun|llamafactory)"
    r"|RuntimeError: Engine \w+ (initialization )?failed"
)
# What programs without a traceback say last when they give up.
_GIVING_UP = re.compile(
    r"\b(FATAL|fatal|error|ERROR|Error|Killed|not found|No space left|Permission denied)\b"
    r"|^:? ?[\w.]+(Error|Exception)\b"
)
_ECHO = re.compile(
    r"srun: (error: \S+: task|Job step aborted|Terminating|forcing|launch/|error: Timed out waiting)"
    r"|slurmstepd: error: \*\*\* (STEP|JOB) .*\*\*\*$|packtrain: the program was ended "
    r"|[EWI]\d{4} [\d:.]+ +\d+ .*torch/distributed/|(ERROR|WARNING):torch\.distributed\.|\S+\.py FAILED$"
    r"|Root Cause|Failures:$|(=|-){20,}$"
    r"| +(time|host|rank|exitcode|error_file|traceback) *: |\[\d+\]:$|  <NO_OTHER_FAILURES>"
    r"|[\w.]*(ChildFailedError|SignalException)\b|[\w.]*CalledProcessError: .*(torchrun|llamafactory)"
    r"|wandb: (?!ERROR)|\S+\.py:\d+: \w*Warning: |  warnings\.warn\(|\[[WI]\d* ?[\d:.]* ?\S+\.cpp:\d+\]"
)
"""What srun, torchrun and the launcher say of a process that failed: that, and never why."""
_BAR = re.compile(r"^.*?\d+%\|[^|]*\| [^\[]*\[[^\]]*\] ?")
"""A progress bar, which leaves no line end behind it: whatever is written next stands on its line."""
_TWICE = re.compile(r"^([A-Z]\w*?(?:Error|Exception))\1+(?:: )+")
_WRITTEN_OVER = re.compile(r"(?:^|[\s.)])([A-Z]\w*?(?:Error|Exception))\1*(?:$|:[: ]*(.*))")
"""Of several processes at once: `ValueErrorValueError: : it cannot be`; what it says may stand on a later line."""
_MARKERS = re.compile(r"[\s~^]+")
"""Below a frame's line of code: which part of it; of the ten lines that are shown they would take a third."""
_CHAINED = ("the following exception:", "another exception occurred:")
_ASIDE = ("Exception ignored in", "Exception in thread", "Error in ", "--- Logging error ---")
"""Above a traceback that ended nothing: of a finalizer, a thread of its own, an exit handler, a logger."""
_FINALIZERS = "in _run_finalizers"
"""Ends the frame of multiprocessing through which such a traceback comes without words above it."""
_MESSAGE_ENDS = re.compile(
    r"(.* )?Traceback \(most recent call last\):|srun: |slurmstepd|packtrain: |wandb: |[EWI]\d{4} |={9}|-{9}|\"\"\"$"
    r"|\[?(\w+\|)?\d{4}-\d\d-\d\d|\[(INFO|WARNING|ERROR)\b|The above exception was|During handling of|frame #\d"
    r"|Exception raised from |Exception ignored in|Exception in thread|\[[EWI]\d{3}|  File \""
)
"""Begins what no longer belongs to an exception's message: another's words, C++ frames."""

MAX_LINE_CHARACTERS = 300
_READ_CHARACTERS = 2_000
"""Of a line so much is looked at: the patterns above take time with its square."""
EVIDENCE_LINES = 10
_CONTINUED_LINES = 4
"""Of a message of several lines ("size mismatch for ...") so many are shown beside the first."""
_MESSAGE_LINES = 40
"""Of a message so many lines are looked at."""
_CAUSES_SHOWN = 2
"""Of the exceptions because of which another was raised."""
_STRANGE_LINES = 3
"""Lines of others that may stand among the frames of a traceback."""


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

    frames: tuple[str, ...]
    """The traceback down to the exception."""
    said: tuple[str, ...]
    """`ValueError: ...`, and the further lines of its message."""
    rank: str = ""
    """The process, where torchrun marks its lines; of one rank the last error is the one that it died of."""
    place: int = 0
    """The line of the log that it stands on."""
    is_chained: bool = False
    """It was raised because of the one before, or while that was handled."""
    is_aside: bool = False
    """It ended nothing."""

    @property
    def message(self) -> str:
        """`ValueError: ...`, on one line."""
        return message_of(self.said[0], self.said[1:])

    @property
    def origin(self) -> str:
        """The innermost frame: its file and its line of code."""
        start = max((index for index, line in enumerate(self.frames) if line.startswith('  File "')), default=0)
        return "\n".join(self.frames[start:])

    def evidence(self, shown: str | None = None) -> tuple[str, ...]:
        """The message, the frames next to it, and the line that is to be shown, however far behind it stands."""
        said = list(self.said[: 1 + _CONTINUED_LINES])
        if shown in self.said and shown not in said:
            said[-1] = shown
        return (*self.frames[max(0, len(self.frames) - EVIDENCE_LINES + len(said)) :], *said)


def plain_lines(text: str) -> tuple[str, ...]:
    """Without colours, control characters, ranks, empty lines, markers and progress bars."""
    return tuple(line for _, _, line in _ranked_lines(text))


def raised(text: str) -> tuple[Raised, ...]:
    """Every exception that ended a traceback, oldest first; torchrun's and the launcher's own are looked through.

    The lines of one rank are read by themselves: several write at once. What ended nothing counts only by itself.
    """
    errors = tuple(error for error, _ in _every_error(text))
    found = tuple(error for error in errors if not error.is_aside) or errors
    return tuple(sorted(found, key=lambda error: error.place))


def without_asides(text: str) -> str:
    """The text without the tracebacks that ended nothing."""
    aside = {place for error, places in _every_error(text) if error.is_aside for place in places}
    return "\n".join(line for place, line in enumerate(text.split("\n")) if place not in aside) if aside else text


def died_of(errors: Sequence[Raised]) -> tuple[Raised, ...]:
    """Of each rank the last exception and, where it was raised because of others, those; the newest last."""
    kept: list[Raised] = []
    alive = dict.fromkeys((error.rank for error in errors), True)
    for error in reversed(errors):
        if alive[error.rank]:
            kept.append(error)
            alive[error.rank] = error.is_chained
    return tuple(reversed(kept))


def causes_of(error: Raised, errors: Sequence[Raised]) -> tuple[Raised, ...]:
    """Exceptions of the same rank because of which another was raised, oldest first; the two next to it."""
    causes: list[Raised] = []
    before = [other for other in errors if other.rank == error.rank and other.place < error.place]
    while before and (causes[-1] if causes else error).is_chained and len(causes) < _CAUSES_SHOWN:
        causes.append(before.pop())
    return tuple(reversed(causes))


def end_of_chain(error: Raised, errors: Sequence[Raised]) -> Raised:
    """The last exception that was raised because of another, or while that was handled; itself where none was."""
    end = error
    for other in errors:
        if other.rank == error.rank and other.place > error.place:
            if not other.is_chained:
                break
            end = other
    return end


def last_error(text: str) -> LastError:
    """The last error of a log's tail; what others say of an end only where nobody says more."""
    errors = raised(text)
    if errors:
        return LastError(errors[-1].message, errors[-1].evidence())
    lines = plain_lines(text)
    own = [line for line in lines if not _ECHO.match(line)]
    if all(line.startswith(" ") or line.endswith(_START) for line in own):
        own = list(lines)
    ends = [index for index, line in enumerate(own) if _GIVING_UP.search(line) and not line.startswith(" ")]
    end = ends[-1] if ends else len(own) - 1
    return LastError(own[end] if own else None, tuple(own[max(0, end + 1 - EVIDENCE_LINES) : end + 1]))


def message_of(head: str, further: Sequence[str]) -> str:
    """`ValueError: ...`, on one line also where the words begin on the next."""
    return f"{head} {further[0].strip()}"[:MAX_LINE_CHARACTERS] if head.rstrip().endswith(":") and further else head


def continued(lines: Sequence[str], line: str) -> tuple[str, ...]:
    """The further lines of a message, behind the last line that is such."""
    end = max((index for index, other in enumerate(lines) if other.strip() == line), default=None)
    further = lines[end + 1 : _end_of_message(lines, end)] if end is not None else ()
    return tuple(other for other in further[:_CONTINUED_LINES] if not _ECHO.match(other))


def first_failures(lines: Sequence[str]) -> tuple[str, ...]:
    """Without torchrun's list of the processes that failed later, most often by its own hand."""
    start = next((index for index, line in enumerate(lines) if line == "Failures:"), len(lines))
    end = next((index for index in range(start, len(lines)) if lines[index].startswith("Root Cause")), start)
    return (*lines[:start], *lines[end:])


def own_words(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines that may be an error without a readable traceback: all from its start on, before it those of that form."""
    own = [line for line in lines if not _ECHO.match(line)]
    starts = (index for index, line in enumerate(own) if line.endswith(_START) or line.startswith('  File "'))
    start = next(starts, len(own))
    return (*filter(_EXCEPTION.match, own[:start]), *own[start:])


def written_over(lines: Sequence[str]) -> Raised | None:
    """The exception of tracebacks that were written over each other, with the frames of all."""
    found = [match for line in lines if (match := _WRITTEN_OVER.search(line))]
    frames = tuple(line for line in lines if line.startswith("  "))
    if not found or not _has_frames(frames):
        return None
    said = next((match[2] for match in found if match[2]), "")
    return Raised(frames, (f"{found[-1][1]}: {said}",))


def _every_error(text: str) -> Iterator[tuple[Raised, Sequence[int]]]:
    """Exceptions, and the lines of their tracebacks with the line above: their places."""
    ranked = _ranked_lines(text)
    for rank in dict.fromkeys(rank for _, rank, _ in ranked):
        yield from _raised_by(rank, [(place, line) for place, its, line in ranked if its == rank])


@lru_cache(maxsize=4)
def _ranked_lines(text: str) -> tuple[tuple[int, str, str], ...]:
    """Lines with their places and the rank that each is marked with, "" for none."""
    whole = (line.rstrip("\r").rpartition("\r")[2][:_READ_CHARACTERS] for line in text.split("\n"))
    ranked = ((place, *_ranked(_ESCAPES.sub("", line))) for place, line in enumerate(whole))
    return tuple((place, rank, line) for place, rank, line in ranked if line and not _MARKERS.fullmatch(line))


def _ranked(line: str) -> tuple[str, str]:
    own = _BAR.sub("", line)
    marked = _RANK.match(own)
    if marked is not None:
        own = _BAR.sub("", own[marked.end() :])
    return (marked[1] or marked[2]) if marked else "", own.rstrip()[:MAX_LINE_CHARACTERS]


def _raised_by(rank: str, lines: Sequence[tuple[int, str]]) -> Iterator[tuple[Raised, Sequence[int]]]:
    """The exceptions of one rank, and the places of their lines."""
    texts = [line for _, line in lines]
    is_aside = False
    for start, line in enumerate(texts):
        is_cut_off = start == 0 and _is_cut_off(texts)
        if not is_cut_off and (line.startswith(" ") or not line.endswith(_START)):
            continue
        end = _end_of_frames(texts, start)
        if end is None or _WRAPPER.match(texts[end]) or (is_cut_off and not _has_frames(texts[:end])):
            continue
        before = texts[start - 1] if start else ""
        is_chained = before.endswith(_CHAINED) or line.startswith("Original ")
        said = (_TWICE.sub(r"\1: ", texts[end]), *texts[end + 1 : _end_of_message(texts, end)])
        frames = tuple(texts[start:end])
        is_aside = _ended_nothing(before, frames) or (is_chained and is_aside)
        error = Raised(frames, said, rank, lines[end][0], is_chained, is_aside)
        yield error, [place for place, _ in lines[max(0, start - 1) : end + 1]]


def _is_cut_off(lines: Sequence[str]) -> bool:
    """A tail of a log begins within a traceback, maybe within a line of it."""
    return not lines[0].endswith(_START) and any(line.startswith("  ") for line in lines[:2])


def _ended_nothing(before: str, frames: Sequence[str]) -> bool:
    return before.startswith(_ASIDE) or any(frame.endswith(_FINALIZERS) for frame in frames)


def _has_frames(lines: Sequence[str]) -> bool:
    return any(line.startswith('  File "') for line in lines)


def _end_of_frames(lines: Sequence[str], start: int) -> int | None:
    """The line that names the exception: the first behind the frames that is not indented, but for some of others."""
    strange = 0
    for index in range(start + 1, len(lines)):
        line = lines[index]
        if line.startswith(" "):
            continue
        goes_on = index + 1 < len(lines) and lines[index + 1].startswith('  File "')
        if (_RAISED_PLAINLY if strange or goes_on else _RAISED).fullmatch(line):
            return index
        strange += 1
        if line.endswith(_START) or strange > _STRANGE_LINES:
            return None
    return None


def _end_of_message(lines: Sequence[str], end: int) -> int:
    most = min(len(lines), end + _MESSAGE_LINES)
    return next((index for index in range(end + 1, most) if _MESSAGE_ENDS.match(lines[index])), most)
