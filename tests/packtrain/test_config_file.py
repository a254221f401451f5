"""packtrain.config_file: YAML as PyYAML reads it, but for what would not be read as it looks."""

import contextlib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from packtrain.config_file import parse_config
from packtrain.errors import InvalidInput

PLACE = ("config.yaml",)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("abc xyz_-.:", max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abcdef_", min_size=1), VALUES, min_size=1, max_size=5))
def test_what_pyyaml_writes_is_read_back(config: dict[str, object]) -> None:
    text = yaml.safe_dump(config)
    assert parse_config(text, PLACE) == yaml.safe_load(text)


@given(st.text(max_size=60))
def test_any_text_is_a_mapping_or_refused(text: str) -> None:
    config: dict[str, object] = {}
    with contextlib.suppress(InvalidInput):
        config = parse_config(text, PLACE)
    assert all(isinstance(key, str) for key in config)


def test_dates_and_exponents_without_a_point_stay_text() -> None:
    assert parse_config("run_name: 2026-11-21\nlearning_rate: 1e-4\n", PLACE) == {
        "run_name": "2026-11-21",
        "learning_rate": "1e-4",
    }


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\na: 2\n", (2, 1), "'a' is given twice, first on line 1"),
        ("a: 1\nb: 010\n", (2, 4), "010 is not read as it looks"),
        ("a: 1:30\n", (1, 4), "1:30 is not read as it looks"),
        ("a: !!python/name:os.system x\n", (1, 4), "tags such as"),
        ("a: &x [1]\nb: *x\n", (2, 4), "an alias may stand for one value only"),
        ("- a\n", (1, 1), "must be a mapping"),
        ("1: a\n", (1, 1), "a key is not text"),
        ("a: [1\n", (2, 1), "expected ',' or ']'"),
    ],
)
def test_a_refusal_has_line_and_column(text: str, place: tuple[int, int], words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_config(text, PLACE)
    (finding,) = caught.value.findings
    assert finding.loc == (*PLACE, *place)
    assert words in finding.message


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
def test_an_empty_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="empty"):
        parse_config(text, PLACE)
