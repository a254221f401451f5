"""Row of the table of causes."""

from dataclasses import dataclass
from typing import Literal

Place = Literal["end", "exit_code", "stderr", "log", "raised", "last", "frames"]
"""Where a sign is looked for: `end` is Slurm's word or our own for how it ended; `stderr` any line of it, `log` of
stdout too (where samples of the data stand: it proves little); `raised` the exceptions of every traceback, `last` those
of the last one and of what led to it, `frames` the files that these passed through."""

LOOK = "look at the end of the logs"
MORE_MEMORY = "ask for more `memory`, or lower preprocessing_num_workers and dataloader_num_workers"
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
