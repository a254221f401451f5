import pytest
from hypothesis import given
from hypothesis import strategies as st

from packtrain.cli.text.terminal_words import complaint_lines, place, words
from packtrain.errors import ApiError, Conflict, Finding, InvalidInput, Problem


@pytest.mark.parametrize(
    ("loc", "where"),
    [
        (("body", "config_yaml", "lora_rnk"), "lora_rnk"),
        (("config", "deepspeed", "stage"), "deepspeed.stage"),
        (("body", "config_yaml"), "the configuration"),
        (("body", "resources", "time_limit"), "--time"),
        (("body", "datasets", 0), "--data"),
        (("body", "tags", "犬", "[key]"), "--tag 犬"),
        (("query", "status", 0), "--status"),
        (("body", "nobody_knows", 3), "nobody_knows.3"),
        (("file", 3), "file.3"),
        ((), ""),
    ],
)
def test_a_place_is_what_was_typed(loc: tuple[str | int, ...], where: str) -> None:
    assert place(loc) == where


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "upload it with POST /datasets; GET /datasets lists what is there",
            "upload it with `packtrain datasets upload`; `packtrain datasets list` lists what is there",
        ),
        ("GET /datasets/ds_1 says why", "`packtrain datasets show ds_1` says why"),
        ("retry it: POST /jobs/job_1/retry, or `packtrain retry job_1`", "retry it: `packtrain retry job_1`"),
        ("GET /api/v1/me shows what this one has", "`packtrain whoami` shows what this one has"),
        ("set resources.cluster to lab", "set --cluster to lab"),
        ("give config.dataset a name", "give dataset a name"),
        ("resources.unknown stays", "resources.unknown stays"),
    ],
)
def test_requests_are_told_as_commands(said: str, told: str) -> None:
    assert words(said) == told


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (InvalidInput([Finding(("--set",), "no", "yes")]), ["error: --set: no", "  -> yes"]),
        (InvalidInput([Finding(("PACKTRAIN_X",), "PACKTRAIN_X: no")]), ["error: PACKTRAIN_X: no"]),
        (InvalidInput([Finding(("a.yaml", 2, 8), "line 2, column 8: no")]), ["error: a.yaml: line 2, column 8: no"]),
        (
            InvalidInput([Finding(("body", "config_yaml", 2, 8), "line 2, column 8: no")]),
            ["error: the configuration: line 2, column 8: no"],
        ),
        (Conflict("no", hint="GET /jobs has it"), ["error: no", "  -> `packtrain list` has it"]),
        (
            ApiError(Problem(422, "t", findings=(Finding(("body", "priority"), "too high", "less"),))),
            ["error: the server refuses this (HTTP 422)", "  --priority: too high", "    -> less"],
        ),
    ],
)
def test_an_error_is_a_line_or_two(error: InvalidInput, lines: list[str]) -> None:
    assert complaint_lines(error) == lines


@given(st.text(max_size=200))
def test_no_sentence_breaks_the_words(text: str) -> None:
    words(text)


def test_of_many_findings_of_one_kind_the_first_are_told() -> None:
    rows = [Finding(("file", row), f"row {row}: not UTF-8", "save it as UTF-8") for row in range(1, 42)]
    other = Finding(("file", 9), "row 9: no output", "fill it")
    lines = complaint_lines(InvalidInput([*rows, other]))
    assert [line for line in lines if "UTF-8" in line and "row" in line][-1] == "error: file.3: row 3: not UTF-8"
    assert "and 38 more of the same kind" in lines
    assert lines[-2:] == ["error: file.9: row 9: no output", "  -> fill it"]
