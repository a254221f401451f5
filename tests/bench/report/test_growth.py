"""The exponent of a curve."""

import statistics

import pytest

from tests.bench.report.growth import exponent


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 1.1, 2.0, -1.0])
def test_a_power_law_is_found_whatever_its_unit(power: float) -> None:
    sizes = [10, 100, 1000, 5000]
    assert exponent(sizes, [0.003 * size**power for size in sizes]) == pytest.approx(power)


def test_a_constant_part_lowers_it() -> None:
    assert exponent([1, 10, 100], [100 + size for size in (1, 10, 100)]) < 0.2


def test_noise_at_one_size_counts_as_much_as_at_another() -> None:
    assert exponent([1, 10, 100], [2, 10, 100]) == pytest.approx(exponent([1, 10, 100], [1, 10, 50]))


def test_one_size_makes_no_curve() -> None:
    with pytest.raises(statistics.StatisticsError):
        exponent([10, 10], [1, 2])
