"""Losses of a training that is over: the mean over all steps, and that of the last steps, which no line tells. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from tuning.llamafactory.outcome.results import number

_RELATIVE_ROUNDING = 1 - 1e-4
"""Logged losses may be rounded; a resume is told by far more."""
_ROUNDING = 5e-5
"""Losses are logged with four decimals."""
_MOST_UNSURE = 0.01

History = Sequence[Mapping[str, Any]]
"""`log_history` of trainer_state.json: a line has the mean loss of the steps since the line before."""


def mean_loss(history: History, own: float | None, steps: float | None) -> float | None:
    """The mean over all steps: LLaMA-Factory's own train_loss, but after a resume the mean of what was logged.

    After one its own divides the loss of the new steps by the number of all (recorded: 1.43 for a loss of 5.9): its sum
    is then less than that of the logged steps, which leave out at most the few behind the last line.
    """
    total, logged = _logged(history)
    is_whole = own is not None and (not logged or abs(own * (steps or 0)) >= abs(total) * _RELATIVE_ROUNDING)
    return own if is_whole else total / logged if logged else None  # what overflows is inf, which no result is


def loss_after_last_line(history: History, own: float | None, steps: float | None) -> float | None:
    """The mean loss of the steps behind the last line: a run of three steps that logs every tenth has only its first.

    None where every step is logged, where LLaMA-Factory's `own` mean is not that of all steps (after a resume), and
    where little but rounding would be told.
    """
    total, logged = _logged(history)
    if own is None or steps is None or not logged:
        return None
    left = steps - logged
    if left < 1 or _ROUNDING * logged > _MOST_UNSURE * left or not own * steps > total > 0:
        return None
    return number((own * steps - total) / left)


def _logged(history: History) -> tuple[float, float]:
    """The sum of the losses of all steps that were logged, and the last of them."""
    total, before = 0.0, 0.0
    for entry in history:
        step, loss = number(entry.get("step")), number(entry.get("loss"))
        if step is not None and loss is not None and step > before:
            total, before = total + loss * (step - before), step
    return total, before
