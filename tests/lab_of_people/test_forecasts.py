"""Accuracy of starts that were told, on a few that can be counted at a glance."""

import pytest

from tests.lab_of_people.forecasts import Told, accuracy


def test_errors_are_counted_beside_slurms() -> None:
    told = [Told("a", 0, expected=100, low=50, high=200, by_slurm=400), Told("b", 0, 300, 250, 310, by_slurm=300)]
    found = accuracy(told, {"a": 120.0, "b": 350.0})
    assert found.mean_error_seconds == pytest.approx((20 + 50) / 2)
    assert found.mean_error_seconds_by_slurm == pytest.approx((280 + 50) / 2)
    assert (found.count, found.within_bounds) == (2, 0.5)
    assert found.mean_width_seconds == pytest.approx((150 + 60) / 2)


def test_slurm_is_not_compared_where_it_told_nothing_of_a_job() -> None:
    told = [Told("a", 0, 100, 50, 200, by_slurm=400), Told("b", 0, 300, 250, 310)]
    assert accuracy(told, {"a": 120.0, "b": 350.0}).mean_error_seconds_by_slurm is None


def test_what_had_started_already_does_not_count() -> None:
    told = [Told("a", 10, 100, 50, 200), Told("b", 10, 100, 50, 200), Told("c", 10, 100, 50, 200)]
    assert accuracy(told, {"a": 60.0, "b": 9.0}).count == 1


def test_slurm_s_whole_seconds_are_no_miss() -> None:
    assert accuracy([Told("a", 0, 100, 50.4, 200)], {"a": 50.0}).within_bounds == 1.0
