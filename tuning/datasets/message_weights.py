"""Weights of messages in a data set, by its stored report: what a job has to be told because of them. Pure."""

from collections.abc import Mapping
from typing import Any

from tuning.datasets.check.issues import Reason

_TURNS_OF_ONE_ANSWER = 2


def has_untrained_history(report: Mapping[str, Any]) -> bool:
    """Whether answers before the last of a row have the weight 0: with `mask_history` alone they are not trained on."""
    return _rows_with(report, Reason.UNTRAINED_HISTORY) + _rows_with(report, Reason.UNUSED_WEIGHT) > 0


def has_last_answers_alone(report: Mapping[str, Any]) -> bool:
    """Whether no row has another answer to learn than its last: `mask_history` takes nothing from what is learned."""
    several = sum(each["rows"] for each in report.get("turns", ()) if each["up_to"] > _TURNS_OF_ONE_ANSWER)
    return several == _rows_with(report, Reason.UNTRAINED_HISTORY) and not _rows_with(report, Reason.UNUSED_WEIGHT)


def _rows_with(report: Mapping[str, Any], reason: Reason) -> int:
    return sum(each["rows"] for each in report.get("problems", ()) if each["reason"] == reason)
