"""Ratios and the table of them."""

import pytest

from tests.bench.report.table import Pairs, Row, as_markdown


def test_the_ratio_is_of_the_medians_and_the_spread_of_the_pairs() -> None:
    pairs = Pairs([2.0, 4.0, 9.0], [1.0, 2.0, 3.0])
    assert pairs.ratio == 2.0
    assert pairs.spread == "2.00 to 3.00, n=3"


@pytest.mark.parametrize(("at_most", "holds"), [(2.0, True), (1.9, False), (None, None)])
def test_a_row_is_held_to_its_bound(at_most: float | None, holds: bool | None) -> None:
    assert Pairs([2.0], [1.0]).row("this", "that", at_most).holds is holds


def test_the_table_is_lined_up_and_says_aloud_what_falls_short() -> None:
    rows = [Row("a", "b", "1 / 2", "0.50", "-", "<= 1", True), Row("longer", "b", "3 / 2", "1.50", "-", "<= 1", False)]
    lines = as_markdown(rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[3].endswith("| NO    |")
