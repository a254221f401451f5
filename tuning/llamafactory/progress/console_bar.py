"""The console's progress bar: bytes of stderr in, the newest step of the run out.

tqdm draws it anew after a carriage return. Transformers' bar of a training has no words before it, as those of data and
weights have; the bar of an evaluation, which has none either, counts up to another total.
"""

import re
from dataclasses import dataclass

from tuning.llamafactory.progress.trainer_log import MAX_ELAPSED_SECONDS, MAX_STEPS

MAX_SEARCHED_BYTES = 65_536
"""Of the end of a piece of stderr: a bar is a hundred bytes long, and the newest is what counts."""

_BAR = re.compile(
    rb"(?:^|[\r\n])[ \t]{0,3}\d{1,3}%\|[^|\r\n]{0,400}\| (\d{1,10})/(\d{1,10}) \[(?:(\d{1,5}):)?(\d{1,2}):([0-5]\d)<"
)


@dataclass(frozen=True)
class ConsoleBar:
    """A bar as it was drawn last."""

    current_steps: int
    total_steps: int
    elapsed_seconds: int
    """Since the bar was made: when the training began, as in the log."""


def bars_in(chunk: bytes) -> tuple[ConsoleBar, ...]:
    """The bars without words in the end of `chunk`: the newest of each total, the newest of all last."""
    newest: dict[int, ConsoleBar] = {}
    for match in _BAR.finditer(chunk[-MAX_SEARCHED_BYTES:]):
        current, total, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        elapsed = hours * 3600 + minutes * 60 + seconds
        if 0 < current <= total <= MAX_STEPS and elapsed <= MAX_ELAPSED_SECONDS:
            newest.pop(total, None)
            newest[total] = ConsoleBar(current, total, elapsed)
    return tuple(newest.values())
