"""Values that every later step can carry."""

from typing import Any

import pytest

from tuning.jobs.request.config_values import MAX_DEPTH, MAX_VALUES, find_unstorable


def nested(depth: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(depth - 1):
        value = [value]
    return {"a": value}


@pytest.mark.parametrize(
    "config",
    [
        {"a": float("nan")},
        {"a": float("-inf")},
        {"a": [2**63]},
        {"a": {"b": -(2**63) - 1}},
        nested(MAX_DEPTH + 1),
        nested(100_000),
        {"a": [0] * MAX_VALUES},
    ],
    ids=["nan", "inf", "large", "small", "deep", "very deep", "many"],
)
def test_what_cannot_be_carried_is_found(config: dict[str, Any]) -> None:
    assert len(list(find_unstorable(config, ()))) == 1


def test_ordinary_values_pass() -> None:
    assert not list(find_unstorable({"a": [1, 2.5, "x", None, True, {"b": 2**63 - 1}], **nested(MAX_DEPTH)}, ()))


def test_the_place_is_named() -> None:
    assert next(find_unstorable({"a": [1, {"b": float("nan")}]}, ("config",))).loc == ("config", "a", 1, "b")
