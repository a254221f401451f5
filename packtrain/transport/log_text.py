"""Text of a run's logs, with the place where it goes on."""

from dataclasses import dataclass
from typing import Literal

LogStream = Literal["stdout", "stderr"]


@dataclass(frozen=True)
class LogText:
    """A piece of a log, and where in the file (bytes) the next one begins."""

    text: str
    next_offset: int
