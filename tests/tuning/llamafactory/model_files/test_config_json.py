"""Words of a config.json."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.model_files.config_json import ModelConfig, read_config

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "torch_dtype": "bfloat16",
    "max_position_embeddings": 8192,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "hidden_size": 4096,
}


def read(**changes: Any) -> ModelConfig:
    found = read_config(json.dumps({**LLAMA, **changes}))
    assert found is not None
    return found


def test_a_plain_model() -> None:
    assert read() == ModelConfig("llama", "bfloat16", 8192, 32, 32, 8, 128)
    assert read(torch_dtype=None, dtype="float16").dtype == "float16"
    assert read(torch_dtype="torch.float32").dtype == "float32"
    assert read(torch_dtype="int4").dtype is None


def test_a_models_own_scaling_makes_its_context_longer() -> None:
    yarn = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
    assert read(max_position_embeddings=32768, rope_scaling=yarn).context_tokens == 131_072
    assert read(max_position_embeddings=32768, rope_parameters=yarn).context_tokens == 131_072
    llama3 = {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 8192}
    assert read(max_position_embeddings=131_072, rope_scaling=llama3).context_tokens == 131_072
    assert read(rope_scaling={"type": "linear", "factor": 2}).context_tokens == 16_384
    assert read(rope_scaling=None).context_tokens == 8192


def test_a_model_of_several_parts_has_its_words_in_the_language_model() -> None:
    config = {"model_type": "qwen2_5_vl", "text_config": LLAMA, "vision_config": {"num_hidden_layers": 2}}
    found = read_config(json.dumps(config))
    assert found is not None
    assert (found.model_type, found.layers, found.context_tokens, found.dtype) == ("qwen2_5_vl", 32, 8192, "bfloat16")
    assert found.is_composite
    assert not read(quantization_config={"bits": 4}).is_composite
    assert read(quantization_config={"bits": 4}).is_quantized


def test_older_names_of_the_same() -> None:
    found = read_config(json.dumps({"n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024}))
    assert found == ModelConfig(context_tokens=1024, layers=12, heads=12, key_value_heads=12, head_size=64)


@pytest.mark.parametrize("text", ["", "[]", "null", "7", "{", "[" * 9999])
def test_what_is_no_config_is_none(text: str) -> None:
    assert read_config(text) is None


values = st.none() | st.booleans() | st.integers(-5, 10**12) | st.floats() | st.text(max_size=3)
NAMES = [*LLAMA, "rope_scaling", "rope_parameters", "text_config", "head_dim", "auto_map", "quantization_config"]
inner = st.dictionaries(st.sampled_from(["factor", "original_max_position_embeddings", "text_config"]), values)


@given(st.dictionaries(st.sampled_from(NAMES), values | inner, max_size=8))
def test_no_config_breaks_it(changes: dict[str, Any]) -> None:
    found = read(**changes)
    assert found.context_tokens is None or found.context_tokens > 0
    assert found.head_size is None or found.head_size > 0
