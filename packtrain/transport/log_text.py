"""Text of a run's logs, with the place where it goes on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import httpx

LogStream = Literal["stdout", "stderr"]


@dataclass(frozen=True)
class LogText:
    """A piece of a log, and where in the file (bytes) the next one begins."""

    text: str
    next_offset: int


def log_text(answer: "httpx.Response") -> LogText:
    """From an answer that has been read."""
    return LogText(answer.content.decode("utf-8", "replace"), int(answer.headers["X-Packtrain-Next-Offset"]))
