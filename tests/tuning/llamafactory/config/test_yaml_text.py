import re
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tuning.errors import InvalidInput
from tuning.llamafactory.config.yaml_text import MAX_CHARACTERS, MAX_DEPTH, parse_yaml, to_yaml


def findings(text: str) -> list[tuple[tuple[str | int, ...], str, str | None]]:
    with pytest.raises(InvalidInput) as caught:
        parse_yaml(text)
    return [(finding.loc, finding.message, finding.hint) for finding in caught.value.findings]


def test_what_people_have_is_read() -> None:
    text = (
        "### model\nmodel_name_or_path: a/b # の指定\nlora_rank: 8\nbf16: true\nval_size: 0.1\nlearning_rate: 1.0e-4\n"
    )
    read = parse_yaml(text)
    assert read == {
        "model_name_or_path": "a/b",
        "lora_rank": 8,
        "bf16": True,
        "val_size": 0.1,
        "learning_rate": 1.0e-4,
    }


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    assert parse_yaml("\ufeffa: 1\r\nb: x\r\n") == {"a": 1, "b": "x"}


def test_a_date_is_left_as_text() -> None:
    assert parse_yaml("run_name: 2026-11-21") == {"run_name": "2026-11-21"}


@pytest.mark.parametrize(
    ("text", "line", "column", "says", "hints"),
    [
        ("a: 1\n\tb: 2", 2, 1, r"'\\t'", "spaces"),
        ("a: b: c", 1, 5, "mapping values", "quotes"),
        ("a: 1\nb: 2\na: 3", 3, 1, "'a' is given twice, first on line 1", None),
        ("a: {b: 1, b: 2}", 1, 11, "given twice", None),
        ("- a\n- b", 1, 1, "must be a mapping", None),
        ("just text", 1, 1, "must be a mapping", None),
        ("a: 'x\n", 2, 1, "quoted scalar", "never closed"),
        ("a: [1, 2\n", 2, 1, "flow sequence", "bracket"),
        ("a: !!python/object/apply:os.system ['id']", 1, 4, "tags", None),
        ("a: !x 1", 1, 4, "tags", None),
        ("a: !!set {b}", 1, 4, "tags", None),
        ("a: !!float fast", 1, 4, "no number", None),
        ('a: !!int ""', 1, 4, "no number", None),
        ("a: !!bool perhaps", 1, 4, "neither true nor false", None),
        ("a: &x [1]\nb: *x", 2, 4, "alias", None),
        ("a: *x", 1, 4, "undefined alias", "quotes"),
        ("yes: 1", 1, 1, "'yes' is not text", None),
        ("1: 1", 1, 1, "'1' is not text", None),
        ("? [a]\n: 1", 1, 3, "is not text", None),
        ("<<: {a: 1}", 1, 1, "is not text", None),
        ("a: 1\n---\nb: 2", 2, 1, "single document", "---"),
        ("a: 0123", 1, 4, "octal", None),
        ("a: 1:30", 1, 4, "base 60", None),
        ("a: 0x_", 1, 4, "no number", None),
        ("a: " + "9" * 5000, 1, 4, "no number", None),
        ('a: "\\UFFFFFFFF"', 1, 4, "does not exist", None),
        ("a: 1\nb: x\x00y", 2, 5, r"U\+0000", "remove"),
        ("a: 1\nb: x\ud800", 2, 5, r"U\+D800", "remove"),
        ("learning_rate：1e-4\nb: 1", 2, 2, "mapping values", "full-width"),
        ("a: @x", 1, 4, "'@'", "quotes"),
        ("[" * 100_000, 1, MAX_DEPTH + 1, "nested deeper", None),
        ("a: " + "{b: " * 50, 1, 77, "nested deeper", None),
        ("a: [" + "1," * 20_000 + "]", 1, 3_999, "more than 2000 values", None),
        ("a: &a " + "x" * 1000 + "\nb: [" + "*a," * 100 + "]", 2, 200, "aliases repeat", None),
    ],
)
def test_what_cannot_be_read_is_refused_with_line_and_column(
    text: str, line: int, column: int, says: str, hints: str | None
) -> None:
    [(loc, message, hint)] = findings(text[:MAX_CHARACTERS])
    assert loc == ("config_yaml", line, column)
    assert message.startswith(f"line {line}, column {column}: ")
    assert re.search(says, message)
    assert hints is None or hints in (hint or "")


def test_an_alias_of_one_value_is_harmless() -> None:
    assert parse_yaml("eval_steps: &steps 500\nsave_steps: *steps") == {"eval_steps": 500, "save_steps": 500}


@pytest.mark.parametrize("text", ["", "   \n", "# only a comment\n"])
def test_an_empty_text_is_refused(text: str) -> None:
    assert "empty" in findings(text)[0][1]


def test_a_long_text_is_refused_before_it_costs_anything() -> None:
    assert "100001 characters" in findings("a" * 100_001)[0][1]


@pytest.mark.parametrize(
    "text", ['a: "x\\0y"', 'a: ["ok", "x\\ud800"]', 'a: {b: "\\e[31m"}', 'a: "${oc.env:HOME"', "a: .inf"]
)
def test_values_that_cannot_travel_are_refused_with_their_place(text: str) -> None:
    [(loc, message, _)] = findings(text)
    assert loc[:2] == ("config_yaml", "a")
    assert "a" in message


def test_floats_stay_floats_and_words_stay_words() -> None:
    text = to_yaml({"learning_rate": 1e-4, "eps": 1e-8, "eval_strategy": "no", "run_name": "1e5", "path": "/m/a-b.c"})
    assert text == 'learning_rate: 0.0001\neps: 1.0e-08\neval_strategy: "no"\nrun_name: "1e5"\npath: /m/a-b.c\n'


@pytest.mark.parametrize(
    "value", ["a ${b", "${", "${}", "x\x00", "\ud800", "\x1b[0m", float("nan"), float("inf"), {1, 2}, b"x"]
)
def test_what_cannot_be_written_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        to_yaml({"deepspeed": {"zero": [value]}})
    assert caught.value.findings[0].loc == ("config", "deepspeed", "zero", 0)


def test_depth_is_bounded_before_python_gives_up() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(InvalidInput, match="nested deeper"):
        to_yaml({"deepspeed": deep})


class OmegaConfLoader(yaml.SafeLoader):
    """As omegaconf 2.3 reads: a wider rule for floats (1e5 is one), no dates."""


OmegaConfLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"""^(?:[-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?
        |[-+]?[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+)
        |\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?
        |[-+]?[0-9]+(?:_[0-9]+)*(?::[0-5]?[0-9])+\.[0-9_]*
        |[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$""",
        re.X,
    ),
    list("-+0123456789."),
)

characters = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")
texts = st.text(characters, max_size=40).filter(lambda text: "${" not in text)
traps = st.sampled_from(
    ["no", "on", "y", "1e5", "1_0", "0123", "1:30", "null", "~", "=", "<<", "2026-11-21", "- a", "#"]
)
scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
) | (texts | traps)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts | traps, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(texts | traps, values, max_size=8))
def test_what_is_written_is_read_back_exactly_by_both_readers(config: dict[str, Any]) -> None:
    text = to_yaml(config)
    for loader in (yaml.SafeLoader, OmegaConfLoader):
        read = yaml.load(text, Loader=loader)  # noqa: S506 - both are safe loaders
        assert read == config
        assert repr(read) == repr(config)  # 1 and 1.0 and True are equal, but not the same to LLaMA-Factory


@given(st.text(max_size=200) | st.text(alphabet="a:-[]{}&*!|>'\"%@#\n\t 01.ex\\U", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    config: dict[str, Any] = {}
    with suppress(InvalidInput):
        config = parse_yaml(text)
    assert yaml.safe_load(to_yaml(config)) == config


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!!float 1e-5", 1e-5),
        ("!!float 3", 3.0),
        ("!!int 8", 8),
        ('!!int "8"', 8),
        ("!!str 2026", "2026"),
        ("!!str", ""),
        ("!!bool yes", True),
        ("!!null", None),
    ],
)
def test_yamls_own_types_are_read(text: str, value: object) -> None:
    found = parse_yaml(f"a: {text}")["a"]
    assert (found, type(found)) == (value, type(value))


def test_a_reference_stays_as_it_stands() -> None:
    text = "output_dir: ${HOME}/out\nrun_name: ${oc.env:USER}-1\n"
    assert parse_yaml(text) == yaml.safe_load(to_yaml(parse_yaml(text)))
