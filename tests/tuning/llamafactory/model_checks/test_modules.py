"""What the model's own names of modules say of a configuration."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.llamafactory.config.model_shapes import LLAMA3_8B, MIXTRAL_8X7B, PHI3_MINI, shape_of
from tests.tuning.llamafactory.model_files.model_headers import Shapes, layered, llama, tensors_of
from tuning.errors import Finding
from tuning.llamafactory.arguments.accepted import load_schema
from tuning.llamafactory.model_checks.modules import doubt_modules
from tuning.llamafactory.model_files.config_json import ModelConfig
from tuning.llamafactory.model_files.described import KnownModel, ModelFiles

PYTHIA: Shapes = {
    **layered(2, {"attention.query_key_value.weight": (12, 4), "attention.dense.weight": (4, 4)}, "gpt_neox.layers."),
    **layered(2, {"input_layernorm.weight": (4,)}, "gpt_neox.layers."),
    "gpt_neox.embed_in.weight": (9, 4),
    "embed_out.weight": (9, 4),
}


def found(model: KnownModel, **arguments: Any) -> list[Finding]:
    said = {**load_schema().defaults, "finetuning_type": "lora", **arguments}
    return list(doubt_modules(model, said))


def family(config: str) -> KnownModel:
    return KnownModel(shape=shape_of(config))


def stored(shapes: Shapes, **config: Any) -> KnownModel:
    return KnownModel(ModelConfig(**config), files=ModelFiles("s", tensors_of(shapes)))


@pytest.mark.parametrize("model", [family(LLAMA3_8B), stored(llama())])
@pytest.mark.parametrize("targets", ["all", "q_proj,v_proj", "self_attn.q_proj", "gate_proj, lm_head", "embed_tokens"])
def test_modules_that_are_there_are_taken(model: KnownModel, targets: str) -> None:
    assert found(model, lora_target=targets) == []


@pytest.mark.parametrize(
    ("model", "targets"),
    [
        (family(PHI3_MINI), "q_proj,v_proj"),
        (family(LLAMA3_8B), "qkv_proj"),
        (family(LLAMA3_8B), "W_pack"),
        (stored(PYTHIA, model_type="gpt_neox"), "q_proj,v_proj"),
        (stored(PYTHIA), "attention"),
    ],
)
def test_an_adapter_for_no_module_at_all_is_refused(model: KnownModel, targets: str) -> None:
    [finding] = found(model, lora_target=targets)
    assert (finding.severity, finding.loc) == ("error", ("config", "lora_target"))
    assert ("qkv_proj" if model.shape else "query_key_value") in (finding.hint or "") or "q_proj" in (
        finding.hint or ""
    )


def test_a_family_that_nobody_knows_is_held_to_its_tensors() -> None:
    model = stored(PYTHIA, model_type="gpt_neox")
    assert found(model, lora_target="query_key_value,dense") == []
    [finding] = found(model, lora_target="query_key_valeu")
    assert finding.message == "this gpt_neox model has no module query_key_valeu"
    assert finding.hint == (
        "did you mean query_key_value? write all, or some of query_key_value, dense, embed_in, embed_out, lm_head"
    )


def test_some_names_that_are_no_modules_are_told() -> None:
    [finding] = found(family(LLAMA3_8B), lora_target="q_proj,k_porj")
    assert (finding.severity, "did you mean k_proj?" in (finding.hint or "")) == ("warning", True)


def test_an_adapter_on_a_norm_ends_the_run() -> None:
    [finding] = found(stored(llama()), lora_target="q_proj,input_layernorm")
    assert (finding.severity, "no matrix" in finding.message) == ("error", True)


def test_nothing_is_said_of_experts_by_family_and_of_whole_models() -> None:
    assert found(family(MIXTRAL_8X7B), lora_target="w1,w2") == []
    assert found(family(PHI3_MINI), lora_target="q_proj", finetuning_type="full") == []
    assert found(KnownModel(), lora_target="q_proj") == []


def test_of_experts_and_of_models_that_see_it_is_only_told() -> None:
    experts = {**llama(), **layered(2, {"mlp.experts.0.w1.weight": (4, 4)})}
    seeing = {**llama(), "visual.blocks.0.attn.qkv.weight": (4, 4)}
    for model in (stored(experts), stored(seeing, is_composite=True)):
        assert [finding.severity for finding in found(model, lora_target="nothing")] == ["warning"]
        assert [
            finding.severity for finding in found(model, finetuning_type="freeze", freeze_trainable_modules="no")
        ] == ["warning"]
    assert found(stored(seeing, is_composite=True), lora_target="attn,visual,blocks") == []


def test_oft_has_modules_of_its_own() -> None:
    [finding] = found(family(PHI3_MINI), finetuning_type="oft", oft_target="q_proj", lora_target="all")
    assert finding.loc == ("config", "oft_target")


def test_what_is_trained_beside_an_adapter_is_left_out_in_silence() -> None:
    assert found(stored(llama()), additional_target="embed_tokens,lm_head,mlp") == []
    [finding] = found(stored(PYTHIA), additional_target="wte")
    assert (finding.severity, finding.loc) == ("warning", ("config", "additional_target"))
    assert "nothing more would be trained" in finding.message


def test_modules_to_thaw_are_parts_of_a_layer() -> None:
    freeze = {"finetuning_type": "freeze"}
    assert found(stored(llama()), freeze_trainable_modules="all", **freeze) == []
    assert found(stored(llama()), freeze_trainable_modules="mlp,self_attn", freeze_extra_modules="norm", **freeze) == []
    [inside] = found(stored(llama()), freeze_trainable_modules="mlp,q_proj", **freeze)
    [beside] = found(stored(llama()), freeze_extra_modules="lm_head", **freeze)
    assert (inside.severity, inside.loc) == ("error", ("config", "freeze_trainable_modules"))
    assert inside.hint == "it has self_attn, mlp, input_layernorm, post_attention_layernorm"
    assert (beside.severity, beside.hint) == ("error", "it has embed_tokens, norm")
    assert found(family(LLAMA3_8B), freeze_trainable_modules="q_proj", **freeze) == []


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_is_named_is_no_error_of_ours(one: str, other: str) -> None:
    for method in ("lora", "freeze"):
        for finding in found(
            stored(llama()),
            finetuning_type=method,
            lora_target=one,
            additional_target=other,
            freeze_trainable_modules=one,
            freeze_extra_modules=other,
        ):
            assert len(finding.message) + len(finding.hint or "") < 4000
