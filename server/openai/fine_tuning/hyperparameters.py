"""Hyperparameters of OpenAI's API and LLaMA-Factory's arguments, both ways. Pure.

`n_epochs` is num_train_epochs; `learning_rate_multiplier` times the recipe's learning rate is learning_rate;
`batch_size` is per_device_train_batch_size times gradient_accumulation_steps times the processes; `beta` is pref_beta.
"auto" leaves the recipe's own value.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, PlainValidator

from tuning.errors import Finding, InvalidInput

MOST_EPOCHS, LARGEST_BATCH, LARGEST_BETA, LARGEST_MULTIPLIER = 50, 256, 2.0, 10_000.0
_SILENT: Mapping[str, Any] = {
    "num_train_epochs": 3.0,
    "per_device_train_batch_size": 8,
    "gradient_accumulation_steps": 1,
    "learning_rate": 5e-5,
    "pref_beta": 0.1,
}
"""LLaMA-Factory's own values where a configuration is silent."""
_DIGITS = 12
Auto = Literal["auto"]


def _number_or_auto(kinds: tuple[type, ...], words: str, fits: Callable[[Any], bool]) -> PlainValidator:
    def checked(value: Any) -> Any:
        is_number = isinstance(value, kinds) and not isinstance(value, bool)
        if value == "auto" or (is_number and fits(value)):
            return value
        raise ValueError(f'give "auto" or {words}')

    return PlainValidator(checked)


def _whole(highest: int) -> PlainValidator:
    return _number_or_auto((int,), f"a whole number from 1 to {highest}", lambda value: 1 <= value <= highest)


def _positive(highest: float) -> PlainValidator:
    words = f"a number above 0, at most {highest:g}"
    return _number_or_auto((int, float), words, lambda value: 0 < value <= highest)


class Hyperparameters(BaseModel):
    """Hyperparameters of a request, within the bounds of OpenAI's document."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_epochs: Annotated[Auto | int, _whole(MOST_EPOCHS)] = "auto"
    batch_size: Annotated[Auto | int, _whole(LARGEST_BATCH)] = "auto"
    learning_rate_multiplier: Annotated[Auto | float, _positive(LARGEST_MULTIPLIER)] = "auto"


class DpoHyperparameters(Hyperparameters):
    """Hyperparameters of preference training."""

    beta: Annotated[Auto | float, _positive(LARGEST_BETA)] = "auto"


@dataclass(frozen=True)
class Basis:
    """Values that hyperparameters are laid over."""

    recipe: Mapping[str, Any]
    """The recipe's configuration."""
    config: Mapping[str, Any]
    """The request's own, which is laid over it."""
    processes: int
    """That train together."""


def arguments_of(asked: Hyperparameters, basis: Basis) -> dict[str, Any]:
    """Arguments by which a run has these hyperparameters.

    Raises InvalidInput where the configuration says the same, or no batch of this size can be made.
    """
    if doubled := list(_doubled(asked, basis.config)):
        raise InvalidInput(doubled)
    found: dict[str, Any] = {}
    if asked.n_epochs != "auto":
        found["num_train_epochs"] = float(asked.n_epochs)
    if asked.learning_rate_multiplier != "auto":
        rate = _value(basis.recipe, "learning_rate") * asked.learning_rate_multiplier
        found["learning_rate"] = _rounded(rate)
    if asked.batch_size != "auto":
        found |= _batch(asked.batch_size, basis)
    if isinstance(asked, DpoHyperparameters) and asked.beta != "auto":
        found["pref_beta"] = float(asked.beta)
    return found


def hyperparameters_of(config: Mapping[str, Any], recipe: Mapping[str, Any], processes: int) -> dict[str, Any]:
    """Hyperparameters that a job's configuration has; "auto" where OpenAI's form cannot say them."""
    epochs = _value(config, "num_train_epochs")
    is_counted = _value({"max_steps": -1, **config}, "max_steps") > 0
    batch = int(_value(config, "per_device_train_batch_size") * _value(config, "gradient_accumulation_steps"))
    base = _value(recipe, "learning_rate")
    found: dict[str, Any] = {
        "n_epochs": int(epochs) if epochs == int(epochs) and not is_counted else "auto",
        "batch_size": batch * processes,
        "learning_rate_multiplier": _rounded(_value(config, "learning_rate") / base) if base else "auto",
    }
    return found | ({"beta": _value(config, "pref_beta")} if config.get("stage") == "dpo" else {})


def _batch(size: int, basis: Basis) -> dict[str, int]:
    """As many samples at once as the configuration has, as far as that divides the batch."""
    each, rest = divmod(size, basis.processes)
    if rest:
        hint = f"give a multiple of {basis.processes}: so many processes train together"
        raise InvalidInput([Finding(("batch_size",), f"a batch of {size} cannot be shared out", hint)])
    at_once = int(_value({**basis.recipe, **basis.config}, "per_device_train_batch_size"))
    at_once = next(number for number in range(max(1, min(at_once, each)), 0, -1) if each % number == 0)
    return {"per_device_train_batch_size": at_once, "gradient_accumulation_steps": each // at_once}


_SAID_BY = {
    "n_epochs": ("num_train_epochs", "max_steps"),
    "learning_rate_multiplier": ("learning_rate",),
    "batch_size": ("gradient_accumulation_steps",),
    "beta": ("pref_beta",),
}


def _doubled(asked: Hyperparameters, config: Mapping[str, Any]) -> Iterator[Finding]:
    for name, arguments in _SAID_BY.items():
        for argument in arguments if getattr(asked, name, "auto") != "auto" else ():
            if argument in config:
                message = f"{name} and config.{argument} are two forms of the same thing"
                yield Finding((name,), message, "give one of them")


def _value(config: Mapping[str, Any], name: str) -> float:
    """A number of a configuration, LLaMA-Factory's own where it is silent or has none."""
    given = config.get(name)
    try:
        return float(given) if given is not None else float(_SILENT[name])
    except (TypeError, ValueError):
        return float(_SILENT[name])


def _rounded(value: float) -> float:
    """Without the last digits, in which 0.0001 * 3 is not 0.0003."""
    return float(f"{value:.{_DIGITS}g}")
