"""Result files of a stranger: what is used of them, and what is set aside."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.outcome.end import OutputFile, RunEvidence, judge
from tuning.llamafactory.outcome.results import doubts, load_results, number

NAMES = ("trainer_state.json", "train_results.json", "all_results.json", "predict_results.json")
FILES = tuple(OutputFile(name, 9, 5.0) for name in ("adapter_model.safetensors", "generated_predictions.jsonl", *NAMES))


@pytest.mark.parametrize(
    ("value", "kept"),
    [(90, 90), (2.5, 2.5), (True, None), ("90", None), (math.nan, None), (math.inf, None), (2**53 + 1, None),
     (10**400, None), (1e301, None), (None, None), ([], None)],
)  # fmt: skip
def test_a_number_is_one_that_a_run_can_have(value: Any, kept: float | None) -> None:
    assert number(value) == kept


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("trainer_state.json", "{", "it is no JSON object"),
        ("trainer_state.json", "[" * 100_000, "it is no JSON object"),
        ("all_results.json", "[]", "it is no JSON object"),
        (
            "trainer_state.json",
            '{"global_step": "ninety", "max_steps": 1e301}',
            "no run has such a value: global_step, max_steps",
        ),
        ("predict_results.json", '{"predict_bleu-4": true}', "no run has such a value: predict_bleu-4"),
        ("train_results.json", '{"train_loss": NaN, "epoch": 1.0}', None),
        ("train_results.json", "", None),
    ],
)
def test_what_is_set_aside_is_told_by_file(name: str, text: str, why: str | None) -> None:
    assert dict(doubts({name: text})) == ({name: why} if why else {})


_RAW = st.sampled_from(
    [
        "NaN",
        "1e400",
        "-1e308",
        "1e299",
        "1" + "0" * 299,
        "9" * 5000,
        "true",
        "null",
        '"\\u0000"',
        "[]",
        "{}",
        "0",
        "5e-324",
    ]
)
_ENTRY = st.builds('{{"step": {}, "loss": {}, "eval_loss": {}}}'.format, _RAW, _RAW, _RAW)


@given(
    st.builds(
        '{{"global_step": {}, "max_steps": {}, "best_global_step": {}, "log_history": [{}, {}]}}'.format,
        _RAW, _RAW, _RAW, _ENTRY, _ENTRY,
    ),
    st.builds('{{"train_loss": {}, "eval_loss": {}, "predict_runtime": {}}}'.format, _RAW, _RAW, _RAW),
    st.sampled_from(["train", "predict", "export"]),
    st.sampled_from([0, 1, None]),
)  # fmt: skip
def test_whatever_the_files_hold_the_outcome_can_be_stored(
    state: str, results: str, kind: Any, code: int | None
) -> None:
    outcome = judge(RunEvidence(code, 1.0, FILES, state, results, results, results, kind=kind))
    text = json.dumps([outcome.result, outcome.failure.message if outcome.failure else None], allow_nan=False)
    assert "\\u0000" not in text
    assert len(text) < 3000


@given(
    st.text()
    | st.recursive(st.none() | st.floats(), lambda of: st.lists(of) | st.dictionaries(st.text(), of)).map(json.dumps)
)
def test_of_any_text_only_an_object_is_taken(text: str) -> None:
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    assert repr(load_results(text)) == repr(read if isinstance(read, dict) else {})
