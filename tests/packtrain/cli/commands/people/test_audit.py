"""Values of a change, in a few words."""

from typing import Any

import pytest

from packtrain.cli.commands.people.audit import changed


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"role": "member", "disabled": False}, {"role": "viewer", "disabled": False}, "role member -> viewer"),
        ({"shares": 1, "is_lead": False}, {"shares": 2, "is_lead": True}, "shares 1 -> 2, is_lead false -> true"),
        (None, {"shares": 3}, "shares 3"),
        ({"shares": 3, "email": None}, None, "shares 3"),
        (None, None, ""),
    ],
)
def test_only_what_differs_is_told(before: dict[str, Any] | None, after: dict[str, Any] | None, words: str) -> None:
    assert changed(before, after) == words


def test_many_values_are_cut() -> None:
    text = changed(None, {f"value_{number}": number for number in range(50)})
    assert len(text) == 60
    assert text.endswith("...")
