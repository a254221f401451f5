"""Errors of the client and of the `packtrain` command, in one tree.

PacktrainError
  InvalidInput        a file, an option or an argument is wrong: a list of findings
  Conflict            the job is not in a state that allows this
  NotConfigured       no address or no token to be found
  ServerUnreachable   no connection, or it broke, or it says: not now
  ApiError            the server's own refusal: an HTTP status, a sentence, and every finding
  UnsafePath          a name from the server that would lead out of the target folder
  BrokenTransfer      a download that is not what the server said it would be
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from packtrain.sanitize import inert_line


@dataclass(frozen=True)
class Finding:
    """A defect of an input: its place, what is wrong there, and what to do about it."""

    loc: tuple[str | int, ...]
    message: str
    hint: str | None = None
    severity: Literal["error", "warning"] = "error"


class PacktrainError(Exception):
    """Base of all; `str()` is a sentence for the user, `hint` says what to do."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class InvalidInput(PacktrainError):
    """The user's input is wrong; `findings` lists each defect and its place."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(finding.message for finding in findings))
        self.findings = tuple(findings)


class Conflict(PacktrainError):
    """The job is not in a state that allows this."""


class NotConfigured(PacktrainError):
    """No address or no token of a server to be found."""


class ServerUnreachable(PacktrainError):
    """The server does not answer, or not now; the same again, later, may work."""

    def __init__(self, message: str, *, hint: str | None = None, retry_after_seconds: float = 0.0) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_seconds = retry_after_seconds


class UnsafePath(PacktrainError):
    """A name from the server that would lead out of the target folder."""


class BrokenTransfer(PacktrainError):
    """A download that is not what the server said it would be."""


@dataclass(frozen=True)
class Problem:
    """An RFC 9457 problem document, or what stands in for one when a proxy answered."""

    status: int
    title: str
    detail: str | None = None
    hint: str | None = None
    findings: tuple[Finding, ...] = ()
    code: str | None = None
    """The kind of trouble, of the closed list in the API's document; None where a proxy answered."""


class ApiError(PacktrainError):
    """The server refused; `str()` shows the sentence and every finding with its place and hint."""

    def __init__(self, problem: Problem) -> None:
        super().__init__("\n".join(_lines(problem)), hint=problem.hint)
        self.problem = problem

    @property
    def status(self) -> int:
        """The HTTP status code."""
        return self.problem.status

    @property
    def code(self) -> str | None:
        """The kind of trouble: `not_found`, `conflict`, ..."""
        return self.problem.code


def finding_of(entry: Mapping[str, Any]) -> Finding:
    """One entry of a problem's `errors`."""
    place = tuple(part if isinstance(part, int) else str(part) for part in entry.get("loc") or ())
    return Finding(place, str(entry.get("message", "")), str(entry["hint"]) if entry.get("hint") else None)


def finding_lines(finding: Finding) -> list[str]:
    """A finding as text: `place: message`, and its hint on a line of its own."""
    # the body is all that a user of the command line has sent
    loc = finding.loc[1:] if finding.loc[:1] == ("body",) else finding.loc
    place = ".".join(str(part) for part in loc)
    message = f"{place}: {finding.message}" if place else finding.message
    lines = [f"  {inert_line(message)}"]
    return [*lines, f"    -> {inert_line(finding.hint)}"] if finding.hint else lines


def _lines(problem: Problem) -> list[str]:
    # the detail sums up what the findings say one by one
    sentence = "the server refuses this" if problem.findings else problem.detail or problem.title
    first = f"{inert_line(sentence)} (HTTP {problem.status})"
    return [first, *(line for finding in problem.findings for line in finding_lines(finding))]
