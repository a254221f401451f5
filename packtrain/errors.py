"""Errors of the command line and its Python client, below tuning.errors.PacktrainError.

ClientError
  NotConfigured       no address or no token to be found
  ServerUnreachable   no connection, or it broke, or it says: not now
  ApiError            the server's own refusal: an HTTP status, a sentence, and every finding
  UnsafePath          a name from the server that would lead out of the target folder
  BrokenTransfer      a download that is not what the server said it would be
"""

from dataclasses import dataclass

from packtrain.cli.sanitize import inert_line
from tuning.errors import Finding, PacktrainError


class ClientError(PacktrainError):
    """Something between the user and the server."""


class NotConfigured(ClientError):
    """No address or no token of a server to be found."""


class ServerUnreachable(ClientError):
    """The server does not answer, or not now; the same again, later, may work."""

    def __init__(self, message: str, *, hint: str | None = None, retry_after_seconds: float = 0.0) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_seconds = retry_after_seconds


class UnsafePath(ClientError):
    """A name from the server that would lead out of the target folder."""


class BrokenTransfer(ClientError):
    """A download that is not what the server said it would be."""


@dataclass(frozen=True)
class Problem:
    """An RFC 9457 problem document, or what stands in for one when a proxy answered."""

    status: int
    title: str
    detail: str | None = None
    hint: str | None = None
    findings: tuple[Finding, ...] = ()


class ApiError(ClientError):
    """The server refused; `str()` shows the sentence and every finding with its place and hint."""

    def __init__(self, problem: Problem) -> None:
        super().__init__("\n".join(_lines(problem)), hint=problem.hint)
        self.problem = problem

    @property
    def status(self) -> int:
        """The HTTP status code."""
        return self.problem.status


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
