"""The words of a diagnosis, and how a question travels so that a login banner cannot spoil its answer."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tuning.ssh.transport import Completed

Result = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    result: Result
    detail: str
    fix: str | None = None


@dataclass(frozen=True)
class Answer:
    """Output of a question's script, without the noise of the login around it."""

    stdout: str
    stderr: str
    exit_status: int

    @property
    def complaint(self) -> str:
        """The last line of what went wrong."""
        lines = [line for line in (self.stderr or self.stdout).splitlines() if line.strip()]
        return lines[-1].strip() if lines else f"exit status {self.exit_status}"


@dataclass(frozen=True)
class Question:
    """A POSIX shell script for the login node, and what its answer means."""

    name: str
    script: str
    judge: Callable[[Answer], Check]
    timeout_seconds: float = 60.0


def framed(script: str, boundary: str) -> str:
    """The script as one command for any login shell, its output between two lines of the boundary."""
    mark = shlex.quote(boundary)
    return f"sh -c {shlex.quote(f'echo {mark}; ({script}); echo {mark} $?')}"


def unframed(completed: Completed, boundary: str) -> Answer:
    """The answer between the boundaries; what broke off before the second one is not one."""
    text = completed.stdout.decode("utf-8", "replace")
    stderr = completed.stderr.decode("utf-8", "replace")
    _, begins, rest = text.partition(f"{boundary}\n")
    stdout, ends, tail = rest.rpartition(f"{boundary} ")
    status = tail.split("\n", 1)[0]
    if not (begins and ends and status.isdigit()):
        return Answer("", stderr or text, completed.exit_status or 255)
    return Answer(stdout, stderr, int(status))
