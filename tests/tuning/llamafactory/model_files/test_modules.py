"""Modules by the names of tensors."""

from tests.tuning.llamafactory.model_files.model_headers import layered, llama, tensors_of
from tuning.llamafactory.model_files.modules import modules_of
from tuning.llamafactory.model_files.tensors import TensorGroup, Tensors


def test_a_llama_has_matrices_norms_and_layers() -> None:
    found = modules_of(tensors_of(llama()))
    matrices = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "embed_tokens", "lm_head")
    assert found.matrices == matrices
    assert found.others == ("input_layernorm", "post_attention_layernorm", "norm")
    assert found.in_layers == ("self_attn", "mlp", "input_layernorm", "post_attention_layernorm")
    assert found.beside_layers == ("embed_tokens", "norm"), "lm_head is the embedding: no parameter of its own"
    assert "model.layers.*.self_attn" in found.paths
    assert not found.has_experts


def test_stored_bits_belong_to_their_matrix() -> None:
    names = ("qweight", "scales", "weight.absmax", "weight.quant_state.bitsandbytes__nf4")
    found = modules_of(Tensors(tuple(TensorGroup(f"model.layers.*.mlp.up_proj.{name}") for name in names)))
    assert found.matrices == ("up_proj", "lm_head")


def test_parts_of_a_layer_are_those_that_llamafactory_finds() -> None:
    experts = layered(2, {"mlp.experts.0.w1.weight": (4, 4), "A_log": (4,), "mixer.conv1d.weight": (4, 1, 4)})
    found = modules_of(tensors_of(experts))
    assert found.has_experts
    assert set(found.in_layers) == {"mlp", "w1", "A_log", "mixer"}


def test_what_lies_at_the_top_has_no_module() -> None:
    found = modules_of(Tensors((TensorGroup("image_newline"), TensorGroup("layers.*"))))
    assert found.matrices == ("layers", "lm_head")
