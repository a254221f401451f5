"""The shape of a model by its tensors."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.llamafactory.config.model_shapes import shape
from tests.tuning.llamafactory.model_files.model_headers import Shapes, layered, llama, tensors_of
from tuning.llamafactory.arguments.accepted import load_schema
from tuning.llamafactory.config.model_size import ModelShape
from tuning.llamafactory.memory.estimate import estimate_memory
from tuning.llamafactory.model_files.config_json import ModelConfig
from tuning.llamafactory.model_files.described import KnownModel, ModelFiles, files_to_json
from tuning.llamafactory.model_files.known_model import known_model
from tuning.llamafactory.model_files.tensor_shape import tensor_shape
from tuning.llamafactory.model_files.tensors import TensorGroup, Tensors

LLAMA = shape("llama", 64, 96, 2, 4, 100, num_key_value_heads=2, tie_word_embeddings=True)
GPT2: Shapes = {
    **layered(3, {"attn.c_attn.weight": (16, 48), "attn.c_attn.bias": (48,), "mlp.c_proj.weight": (64, 16)}, "h."),
    **layered(3, {"mlp.c_fc.weight": (16, 64), "ln_1.weight": (16,)}, "h."),
    "wte.weight": (50, 16),
    "wpe.weight": (20, 16),
}


def of(config: str, shapes: Shapes) -> KnownModel:
    return known_model(config, files_to_json(ModelFiles("s", tensors_of(shapes))))


def sure(found: ModelShape | None) -> ModelShape:
    assert found is not None
    return found


def test_an_unknown_family_that_is_a_llama_has_the_shape_of_one() -> None:
    by_name = sure(known_model(LLAMA, None).shape)
    by_tensors = sure(of(json.dumps({**json.loads(LLAMA), "model_type": "other"}), llama()).shape)
    assert by_tensors.parameters == by_name.parameters == 2 * 30_848 + 6464
    same = (
        "layers",
        "hidden_size",
        "intermediate_size",
        "vocabulary",
        "heads",
        "key_value_size",
        "query_size",
        "is_tied",
    )
    assert [getattr(by_tensors, name) for name in same] == [getattr(by_name, name) for name in same]
    assert by_tensors.linear_parameters == by_name.linear_parameters


def test_every_weight_is_counted() -> None:
    found = sure(tensor_shape(ModelConfig(layers=3), tensors_of(GPT2)))
    assert found.parameters == 3 * (16 * 48 + 48 + 2 * 16 * 64 + 16) + 70 * 16
    assert [each.name for each in found.projections] == ["c_attn", "c_proj", "c_fc"]


def test_experts_are_copies_of_one() -> None:
    experts = layered(2, {f"mlp.experts.{number}.up_proj.weight": (8, 64) for number in range(4)})
    fused = layered(2, {"mlp.experts.up_proj": (4, 64, 8)})
    for shapes in (experts, fused):
        found = sure(tensor_shape(ModelConfig(layers=2, experts_of_token=2), tensors_of({**llama(), **shapes})))
        assert max(each.copies for each in found.projections) == 4
        assert found.parameters == 2 * 30_848 + 6464 + 2 * 4 * 8 * 64


def test_of_a_model_that_sees_the_layers_of_the_language_model_count() -> None:
    eyes = layered(9, {"attn.qkv.weight": (8, 8)}, "visual.blocks.")
    found = sure(tensor_shape(ModelConfig(), tensors_of({**eyes, **llama()})))
    assert (found.layers, found.extra_parameters) == (2, 9 * 64 + 2 * 128)
    assert found.parameters == 2 * 30_848 + 6464 + 9 * 64


def test_a_second_table_is_an_output_layer() -> None:
    untied = tensors_of({**llama(), "lm_head.weight": (100, 64)})
    assert not sure(tensor_shape(ModelConfig(), untied)).is_tied
    assert sure(tensor_shape(ModelConfig(), tensors_of(llama()))).is_tied


@pytest.mark.parametrize(
    "tensors",
    [
        Tensors(()),
        tensors_of({"a.b.weight": (2, 2)}),
        tensors_of({"embed_tokens.weight": (2, 2)}),
        Tensors((TensorGroup("embed_tokens.weight", (2, 2)), TensorGroup("layers.*.a.weight"))),
    ],
)
def test_what_shows_no_model_has_no_shape(tensors: Tensors) -> None:
    assert tensor_shape(ModelConfig(), tensors) is None


def test_weights_in_fewer_bits_do_not_show_it() -> None:
    assert tensor_shape(ModelConfig(is_quantized=True), tensors_of(llama())) is None


names = st.sampled_from(["embed_tokens.weight", "layers.*.a.weight", "layers.*.e.*.b", "h.*", "x.conv.weight", "wte"])
sizes = st.lists(st.integers(0, 2**12), max_size=4).map(tuple)
groups = st.builds(TensorGroup, names, sizes, st.integers(1, 99))
counts = st.none() | st.integers(1, 10**9)
configs = st.builds(
    ModelConfig, layers=counts, heads=counts, key_value_heads=counts, head_size=counts, experts_of_token=counts
)


@given(configs, st.lists(groups, max_size=6))
def test_no_tensors_break_it(config: ModelConfig, found: list[TensorGroup]) -> None:
    by_tensors = tensor_shape(config, Tensors(tuple(found)))
    if by_tensors is not None:
        arguments: dict[str, Any] = {**load_schema().defaults, "do_train": True, "finetuning_type": "full"}
        assert estimate_memory(by_tensors, arguments).total > 0
        assert by_tensors.parameters == sum(group.numbers for group in found)
        assert replace(by_tensors, extra_parameters=0).parameters == by_tensors.parameters - by_tensors.extra_parameters
