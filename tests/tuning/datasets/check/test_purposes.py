"""Ranking, KTO, pre-training text and tools; every row of the tables was run through LLaMA-Factory 0.9.5."""

from typing import Any

import pytest

from tests.tuning.datasets.check.purpose_cases import DOUBTED, DROPPED, JOB_FAILS, KEPT, OUT_OF_ORDER
from tests.tuning.datasets.files import (
    alpaca,
    as_array,
    as_lines,
    check,
    liked,
    liked_chat,
    ranked,
    ranked_chat,
    refusal,
    sharegpt,
)
from tuning.datasets.check.issues import EXPLANATIONS, Outcome, Reason
from tuning.datasets.check.layouts.formats import purpose_of, stages_of

encodings = pytest.mark.parametrize("write", [as_lines, as_array])


@encodings
@pytest.mark.parametrize(("good", "bad", "reason"), DROPPED)
def test_what_llamafactory_drops_is_counted_and_named(write: Any, good: Any, bad: Any, reason: Reason) -> None:
    report = check(write([good, bad, good])).report
    (problem,) = report.problems
    assert (report.rows, report.kept, report.dropped) == (3, 2, 1)
    assert (problem.reason, problem.outcome, problem.places[0].row) == (reason, Outcome.DROPPED, 2)


@encodings
@pytest.mark.parametrize(("good", "bad", "reason"), JOB_FAILS)
def test_what_would_end_the_job_is_refused(write: Any, good: Any, bad: Any, reason: Reason) -> None:
    assert f": {EXPLANATIONS[reason].message}" in refusal(write([good, bad]))[0]


@encodings
@pytest.mark.parametrize(("row", "reason"), DOUBTED)
def test_what_is_trained_on_but_hardly_meant_is_told(write: Any, row: dict[str, Any], reason: Reason) -> None:
    good = {"text": "a"} if "text" in row else row
    report = check(write([good, row])).report
    assert (report.kept, report.dropped) == (2, 0)
    assert [(problem.reason, problem.outcome) for problem in report.problems] == [(reason, Outcome.KEPT)]


@encodings
@pytest.mark.parametrize("row", KEPT)
def test_what_llamafactory_reads_is_kept(write: Any, row: dict[str, Any]) -> None:
    report = check(write([row, row])).report
    assert (report.rows, report.kept, report.problems) == (2, 2, ())


@pytest.mark.parametrize(
    ("row", "purpose", "stages"),
    [
        (alpaca(), "sft", {"sft"}),
        (sharegpt(), "sft", {"sft"}),
        (ranked(), "ranking", {"dpo", "rm"}),
        (ranked_chat(), "ranking", {"dpo", "rm"}),
        (liked(), "kto", {"kto"}),
        (liked_chat(), "kto", {"kto"}),
        ({"text": "a"}, "pretrain", {"pt"}),
    ],
)
def test_an_entry_tells_what_it_is_for(row: dict[str, Any], purpose: str, stages: set[str]) -> None:
    checked = check(as_lines([row]))
    assert {checked.report.purpose, purpose_of(checked.entry)} == {purpose}
    assert stages_of(checked.entry) == stages


def test_a_kto_row_that_is_broken_says_what_it_lacks() -> None:
    (message,) = refusal(as_lines([liked_chat(), liked_chat(*OUT_OF_ORDER)]))
    assert message.endswith("(roles out of order, message 1)")


def test_tools_that_are_no_text_are_a_column_that_is_not_read() -> None:
    """LLaMA-Factory ends with a TypeError on them."""
    checked = check(as_lines([sharegpt(tools=[{"name": "f"}])]))
    assert "tools" not in checked.entry["columns"]
    assert checked.report.unused_columns == ("tools",)
