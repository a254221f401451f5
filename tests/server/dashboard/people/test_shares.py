"""Shares against use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.dashboard.people.shares import Balance, shares_of_use


def balances(shares: dict[str, int], hours: dict[str, float]) -> dict[str, Balance]:
    return {each.name: each.balance for each in shares_of_use(shares, hours)}


def test_above_at_and_below() -> None:
    found = balances({"mt": 2, "rl": 1, "speech": 1}, {"mt": 51.0, "rl": 40.0, "speech": 9.0})
    assert found == {"mt": Balance.AT, "rl": Balance.ABOVE, "speech": Balance.BELOW}


@pytest.mark.parametrize("hours", [0.0, 5.0])
def test_without_shares_there_is_no_share_to_be_above(hours: float) -> None:
    assert balances({"mt": 1, "guests": 0}, {"guests": hours})["guests"] is Balance.NO_SHARE


def test_a_team_that_is_gone_has_no_share_of_what_it_used() -> None:
    assert balances({"mt": 1}, {"mt": 1.0, "gone": 1.0})["gone"] is Balance.NO_SHARE


def test_the_greatest_use_comes_first() -> None:
    found = shares_of_use({"a": 1, "b": 5, "c": 9}, {"b": 2.0})
    assert [each.name for each in found] == ["b", "c", "a"]


_NAMES = st.sampled_from("abcd")


@given(st.dictionaries(_NAMES, st.integers(0, 1000)), st.dictionaries(_NAMES, st.floats(0, 1e9)))
def test_parts_are_of_a_whole(shares: dict[str, int], hours: dict[str, float]) -> None:
    found = shares_of_use(shares, hours)
    assert sum(each.due for each in found) == pytest.approx(1 if any(shares.values()) else 0)
    assert all(0 <= each.had <= 1 + 1e-9 for each in found)
