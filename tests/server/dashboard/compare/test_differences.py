"""Differences between runs."""

from hypothesis import given
from hypothesis import strategies as st

from server.dashboard.compare.differences import Difference, differences

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
settings = st.dictionaries(st.text(max_size=8), json_values, max_size=6)


def test_settings_that_are_the_same_are_left_out() -> None:
    found = differences([{"lr": 1e-4, "stage": "sft"}, {"lr": 5e-5, "stage": "sft"}])
    assert found == [Difference("lr", ["0.0001", "5e-05"])]


def test_a_setting_that_one_lacks_is_a_difference() -> None:
    assert differences([{"seed": 1}, {}]) == [Difference("seed", ["1", "–"])]


def test_objects_are_compared_part_by_part() -> None:
    found = differences([{"resources": {"gpus": 1, "nodes": 1}}, {"resources": {"gpus": 2, "nodes": 1}}])
    assert found == [Difference("resources.gpus", ["1", "2"])]


def test_a_long_value_is_cut() -> None:
    (found,) = differences([{"text": "x" * 5000}, {}])
    assert len(found.values[0]) == 201


@given(settings)
def test_a_run_does_not_differ_from_itself(own: dict[str, object]) -> None:
    assert differences([own, own]) == []


@given(st.lists(settings, max_size=8))
def test_every_difference_has_a_value_for_each_run(runs: list[dict[str, object]]) -> None:
    assert all(len(row.values) == len(runs) for row in differences(runs))
