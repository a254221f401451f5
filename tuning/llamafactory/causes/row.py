"""Row of the table of causes."""

from dataclasses import dataclass
from typing import Literal

Place = Literal["end", "exit_code", "stderr", "log", "raised", "last"]
"""Where a sign is looked for: `end` is Slurm's word or our own for how it ended; `stderr` any line of it, `log` of
stdout too (where samples of the data stand: it proves little); `raised` the exceptions of every traceback, `last` those
that a process died of and what led to them. Where no traceback can be read (several processes wrote at once), the last
two are looked for in the lines of stderr."""

LOOK = "look at the end of the logs"
NOT_TOGETHER = "the arguments, the model and the GPU do not go together: {line}"
CHECK = "run packtrain's check of the configuration (`packtrain check`)"
MORE_MEMORY = "ask for more `memory`, or lower preprocessing_num_workers and dataloader_num_workers"
SHARED = "ask for more `memory`, or set dataloader_num_workers: 0; /dev/shm of the node is the host's memory too"
ABORTING = (
    r"^terminate called|^ *what\(\): |: Assertion [`'].*failed|^\*\*\* stack smashing"
    r"|^(double free or corruption|corrupted |munmap_chunk\(\)|(free|malloc|realloc)\(\): )"
)
"""What the C and C++ libraries print of the error for which they abort a process."""
MAYBE_MEMORY = "often the host's memory: ask for more `memory`"
TAMER = "lower learning_rate, use bf16 in place of fp16, and look for odd rows in the data"
IMAGE = "ask the operator to check the image (`packtrain image check`, `packtrain clusters doctor`)"


@dataclass(frozen=True)
class Row:
    """One cause and one sign of it."""

    code: str
    place: Place
    sign: str
    """A word (end), a number (exit_code), or a regular expression."""
    message: str
    """In plain words; {line} is the line that shows it, {exit_code} and {missing} are what they say."""
    hint: str | None = None
    within: str | None = None
    """A regular expression: the exception passed through such a frame."""
    raised_by: str | None = None
    """A regular expression: of the innermost frame, its file and its line of code."""
    unless: str | None = None
    """A regular expression: it is something else where a line of the message or of the frames, or the line, is such."""
    also: str | None = None
    """A regular expression: further lines of the logs that show it, wherever they stand."""
