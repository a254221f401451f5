"""Tensors by the headers of safetensors files and by indices."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.llamafactory.model_files.model_headers import header, index, layered
from tuning.llamafactory.model_files import tensors
from tuning.llamafactory.model_files.tensors import TensorGroup, read_tensors

LAYERS = layered(3, {"self_attn.q_proj.weight": (8, 4), "input_layernorm.weight": (4,)}) | {
    "model.embed_tokens.weight": (10, 4)
}


def test_tensors_of_one_kind_are_one_group() -> None:
    found = read_tensors([header(LAYERS)], None)
    assert found is not None
    assert set(found.groups) == {
        TensorGroup("model.layers.*.self_attn.q_proj.weight", (8, 4), 3),
        TensorGroup("model.layers.*.input_layernorm.weight", (4,), 3),
        TensorGroup("model.embed_tokens.weight", (10, 4), 1),
    }
    assert (found.parameters, found.dtype) == (3 * 36 + 40, "BF16")


def test_headers_of_all_parts_together_tell_the_shapes() -> None:
    names = list(LAYERS)
    parts = [header({name: LAYERS[name] for name in names[:3]}), header({name: LAYERS[name] for name in names[3:]})]
    found = read_tensors(parts, index(names))
    assert found is not None
    assert found.parameters == 3 * 36 + 40


@pytest.mark.parametrize("headers", [[], [header({"model.embed_tokens.weight": (10, 4)})], [b"{"], [b"[]"]])
def test_without_every_header_the_index_tells_names_alone(headers: list[bytes]) -> None:
    found = read_tensors(headers, index(LAYERS))
    assert found is not None
    assert (found.parameters, found.dtype) == (None, None)
    assert TensorGroup("model.layers.*.self_attn.q_proj.weight", None, 3) in found.groups


def test_what_the_index_does_not_name_is_not_of_the_model() -> None:
    found = read_tensors([header({**LAYERS, "tok_embeddings.weight": (10, 4)})], index(LAYERS))
    assert found is not None
    assert found.parameters == 3 * 36 + 40


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"null", b"[" * 9999, b"\xff", b'{"weight_map": []}', b'{"weight_map": {}}']
)
def test_what_is_no_index_is_unknown(text: bytes) -> None:
    assert read_tensors([], text) is None
    assert read_tensors([text], None) is None


def test_more_kinds_of_tensors_than_any_model_has_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensors, "MOST_GROUPS", 2)
    assert read_tensors([], index(LAYERS)) is None


values = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=3)
shapes = st.lists(values, max_size=10) | values
entries = st.dictionaries(st.sampled_from(["dtype", "shape", "x"]), shapes, max_size=3) | values


@given(st.dictionaries(st.text(max_size=400), entries, max_size=5), st.dictionaries(st.text(max_size=3), values))
def test_no_header_breaks_it(entries: dict[str, Any], mapped: dict[str, Any]) -> None:
    texts = [json.dumps(entries).encode(), json.dumps({"weight_map": mapped}).encode()]
    for found in (read_tensors(texts[:1], None), read_tensors(texts[:1], texts[1]), read_tensors([], texts[1])):
        assert found is None or found.parameters is None or found.parameters < 2**50 * 6
