"""Schedule of a run by its configuration: steps at which it logs, evaluates and saves."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

_FORWARD_SHARE = 0.35
"""An evaluation computes forward only: about a third of what training does for the same samples."""
_NEVER = 2.0**53
_STEPS_BETWEEN_LINES_OF_PREDICTIONS = 5
_SMALL_SAVE_SECONDS = 0.5
"""Of an adapter: 0 to 4 s on real runs."""
_LARGE_SAVE_SECONDS = 20.0
_TYPES_WITH_LARGE_SAVES = ("full", "freeze")


@dataclass(frozen=True)
class Cadence:
    """Frequency of an evaluation or a save, in steps or epochs."""

    every: float
    """Steps (below 1: that share of all steps, as transformers has it) or epochs."""
    unit: Literal["steps", "epochs"]
    at_end: bool
    """Whether it happens after the last step too, where that is no multiple."""

    def count(self, first: int, last: int, total: int, steps_per_epoch: float | None) -> int:
        """Number of times that it happens after a step in first..last, both included, of `total`."""
        period = self.period_steps(total, steps_per_epoch)
        if period is None or last < first:
            return 0
        count = math.floor(last / period + 1e-9) - math.floor((first - 1) / period + 1e-9)
        is_extra = self.at_end and first <= total <= last and math.fmod(total, period) > 1e-6 * period
        return count + (1 if is_extra else 0)

    def period_steps(self, total: int, steps_per_epoch: float | None) -> float | None:
        """The steps between two; None while the length of an epoch is not known."""
        if self.unit == "epochs":
            return _epochs_in_steps(steps_per_epoch * self.every) if steps_per_epoch else None
        return _period(self.every, total)


@dataclass(frozen=True)
class TrainingPlan:
    """Schedule of a run as known before it begins; the default knows nothing, evaluations are learned as they come."""

    logging_steps: float = 10
    evaluation: Cadence | None = None
    saving: Cadence | None = None
    evaluates_at_end: bool = False
    """One more evaluation after training, which the log does not show."""
    eval_epoch_share: float | None = None
    """An evaluation's expected time as a share of an epoch's, before one was seen."""
    eval_steps_worth: float | None = None
    """The same in training steps, where the configuration counts samples."""
    save_seconds: float = _SMALL_SAVE_SECONDS
    """A save's expected time before one was seen."""

    def steps_between_lines(self, total: int) -> int:
        """The steps from one training line of the log to the next."""
        return math.ceil(_period(self.logging_steps, total))

    def saves_in_each_interval(self, total: int, steps_per_epoch: float | None) -> bool:
        """Whether a save lies between any two lines: then there is no telling apart, and a step's time includes it."""
        period = self.saving.period_steps(total, steps_per_epoch) if self.saving else None
        return period is not None and period <= self.steps_between_lines(total)


def plan_of(config: Mapping[str, Any], processes: int = 1, save_seconds_elsewhere: float | None = None) -> TrainingPlan:
    """The plan of a final configuration (tuning.llamafactory.config.check.final_config) run by so many processes.

    `save_seconds_elsewhere`: how long other runs took for a save like this run's, where that is known.
    """
    if not config.get("do_train") and (config.get("do_predict") or config.get("do_eval")):
        return TrainingPlan(logging_steps=_STEPS_BETWEEN_LINES_OF_PREDICTIONS)
    evaluates = config.get("eval_strategy", "no") != "no"
    share, worth = _expected_evaluation(config, processes)
    logging_steps = _finite(config.get("logging_steps", 500))
    return TrainingPlan(
        logging_steps=logging_steps,
        evaluation=_cadence(config, "eval", logging_steps) if evaluates else None,
        saving=_cadence(config, "save", 500),
        evaluates_at_end=bool(evaluates or config.get("do_eval")),
        eval_epoch_share=share,
        eval_steps_worth=worth,
        save_seconds=_expected_save_seconds(config, save_seconds_elsewhere),
    )


def _period(every: float, total: int) -> float:
    """The steps between two, one at least; for what is no number of steps (0, below, NaN, more than any run has) never.

    Rows of an older version, and operators' own arguments, may hold such.
    """
    if not 0 < every <= _NEVER:
        return _NEVER
    return every if every >= 1 else max(1, math.ceil(total * every))


def _epochs_in_steps(steps: float) -> float:
    """One at least, and never for what is no number of steps, as in `_period`."""
    return max(1.0, steps) if 0 < steps <= _NEVER else _NEVER


def _expected_save_seconds(config: Mapping[str, Any], elsewhere: float | None) -> float:
    if elsewhere is not None:
        return min(max(elsewhere, 0.0), _NEVER)
    is_large = config.get("finetuning_type") in _TYPES_WITH_LARGE_SAVES
    return _LARGE_SAVE_SECONDS if is_large else _SMALL_SAVE_SECONDS


def _cadence(config: Mapping[str, Any], what: str, default_steps: float) -> Cadence | None:
    strategy = config.get(f"{what}_strategy", "steps")
    if strategy == "epoch":
        return Cadence(1, "epochs", at_end=False)
    if strategy != "steps":
        return None
    return Cadence(_finite(config.get(f"{what}_steps") or default_steps), "steps", at_end=True)


def _finite(every: float) -> float:
    """The plan is kept as JSON, and TOML (an operator's arguments) knows nan and inf."""
    return every if abs(every) <= _NEVER else _NEVER


def _expected_evaluation(config: Mapping[str, Any], processes: int) -> tuple[float | None, float | None]:
    val_size = config.get("val_size", 0.0)
    if 0 < val_size < 1:
        return _FORWARD_SHARE * val_size / (1 - val_size), None
    if val_size >= 1:
        samples = config.get("per_device_train_batch_size", 8) * config.get("gradient_accumulation_steps", 1)
        return None, _FORWARD_SHARE * _finite(val_size) / max(1, samples * processes)
    return None, None
