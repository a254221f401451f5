"""Data with messages of weight 0, by its report."""

from typing import Any

import pytest

from tests.tuning.datasets.files import as_lines, check, weighted
from tuning.datasets.message_weights import has_last_answers_alone, has_untrained_history


@pytest.mark.parametrize(
    ("rows", "is_untrained", "is_alone"),
    [
        ([weighted(1), weighted(1)], False, True),
        ([weighted(1, 1)], False, False),
        ([weighted(0, 1)], True, True),
        ([weighted(0, 1), weighted(1), weighted(0, 0, 0, 0, 0, 1)], True, True),
        ([weighted(0, 1), weighted(1, 1)], True, False),
        ([weighted(0, 1), weighted(None, None)], True, False),
    ],
)
def test_a_report_tells_what_weights_ask_for(rows: list[dict[str, Any]], is_untrained: bool, is_alone: bool) -> None:
    report = check(as_lines(rows)).report.as_json()
    assert (has_untrained_history(report), has_last_answers_alone(report)) == (is_untrained, is_alone)


def test_a_report_of_before_tells_that_it_does_not_know_the_places() -> None:
    report = {"problems": [{"reason": "unused_weight", "rows": 1}], "turns": [{"up_to": 2, "rows": 1}]}
    assert (has_untrained_history(report), has_last_answers_alone(report)) == (True, False)


def test_a_report_that_is_not_there_yet_asks_for_nothing() -> None:
    assert (has_untrained_history({}), has_last_answers_alone({})) == (False, True)
