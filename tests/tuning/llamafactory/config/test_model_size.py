import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.llamafactory.config.model_shapes import KNOWN, QWEN3_30B_A3B
from tuning.llamafactory.config.model_size import FAMILIES, parse_model_config


@pytest.mark.parametrize(("config", "parameters"), KNOWN)
def test_the_parameters_of_known_models_are_counted_exactly(config: str, parameters: int) -> None:
    shape_of = parse_model_config(config)
    assert shape_of is not None
    assert shape_of.parameters == parameters


def test_a_token_passes_some_of_the_experts_only() -> None:
    shape_of = parse_model_config(QWEN3_30B_A3B)
    assert shape_of is not None
    assert shape_of.intermediate_size == 8 * 768


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"model_type": "mamba"}', '{"model_type": "llama"}', "[" * 9999]
)
def test_what_is_not_known_is_none(text: str) -> None:
    assert parse_model_config(text) is None


numbers = st.none() | st.integers(-5, 10**10) | st.text(max_size=3) | st.floats()
NAMES = list(json.loads(QWEN3_30B_A3B))


@given(st.sampled_from(sorted(FAMILIES)), st.dictionaries(st.sampled_from(NAMES), numbers, max_size=6))
def test_no_config_breaks_it(family: str, changes: dict[str, Any]) -> None:
    shape_of = parse_model_config(json.dumps({**json.loads(QWEN3_30B_A3B), **changes, "model_type": family}))
    assert shape_of is None or shape_of.parameters > 0
