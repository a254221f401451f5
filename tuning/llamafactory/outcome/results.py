"""The JSON files of results that a run leaves: text in, values out. A run may write anything there. Pure and total."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

_LARGEST_COUNT = 2**53
"""JSON's readers keep larger integers as something else; no run counts as far."""
_LARGEST_NUMBER = 1e300

_NUMBERS: Mapping[str, tuple[str, ...]] = {
    "trainer_state.json": ("global_step", "max_steps"),
    "train_results.json": ("train_loss", "eval_loss", "train_runtime", "epoch", "num_input_tokens_seen"),
    "all_results.json": ("train_loss", "eval_loss", "train_runtime", "epoch", "num_input_tokens_seen"),
    "eval_results.json": ("eval_loss", "eval_runtime"),
    "predict_results.json": (
        "predict_bleu-4", "predict_rouge-1", "predict_rouge-2", "predict_rouge-l", "predict_runtime",
    ),
}  # fmt: skip
"""The values of each file that are used."""


def load_results(text: str | None) -> dict[str, Any]:
    """The file's mapping; empty where there is none."""
    try:
        loaded = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def number(value: Any) -> float | None:
    """A number that a run can have; None for anything else, NaN and the infinities too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) <= (_LARGEST_COUNT if isinstance(value, int) else _LARGEST_NUMBER) else None


def doubts(texts: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    """The files, by name, of which something is set aside, and what."""
    for name, wanted in _NUMBERS.items():
        if text := texts.get(name):
            results = load_results(text)
            if not results:
                yield name, "it is no JSON object"
            elif absurd := [key for key in wanted if key in results and _is_absurd(results[key])]:
                yield name, f"no run has such a value: {', '.join(absurd)}"


def _is_absurd(value: Any) -> bool:
    """NaN and the infinities are not: a run that diverged has them."""
    diverged = isinstance(value, float) and not math.isfinite(value)
    return value is not None and not diverged and number(value) is None
