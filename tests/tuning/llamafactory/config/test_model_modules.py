"""What the model's own config.json says of a configuration."""

import json
from typing import Any

import pytest

from tests.tuning.llamafactory.config.model_shapes import LLAMA3_8B, MIXTRAL_8X7B, PHI3_MINI, shape_of
from tuning.errors import Finding
from tuning.llamafactory.arguments.accepted import load_schema
from tuning.llamafactory.config.model_modules import doubt_by_model


def found(config: str, **arguments: Any) -> list[Finding]:
    said = {**load_schema().defaults, "finetuning_type": "lora", **arguments}
    return list(doubt_by_model(shape_of(config), said))


@pytest.mark.parametrize("targets", ["all", "q_proj,v_proj", "self_attn.q_proj", "gate_proj, lm_head", "embed_tokens"])
def test_modules_that_are_there_are_taken(targets: str) -> None:
    assert found(LLAMA3_8B, lora_target=targets) == []


@pytest.mark.parametrize(
    ("model", "targets"), [(PHI3_MINI, "q_proj,v_proj"), (LLAMA3_8B, "qkv_proj"), (LLAMA3_8B, "W_pack")]
)
def test_an_adapter_for_no_module_at_all_is_refused(model: str, targets: str) -> None:
    [finding] = found(model, lora_target=targets)
    assert (finding.severity, finding.loc) == ("error", ("config", "lora_target"))
    assert shape_of(model).projections[0].name in (finding.hint or "")


def test_some_names_that_are_no_modules_are_told() -> None:
    [finding] = found(LLAMA3_8B, lora_target="q_proj,k_porj")
    assert (finding.severity, "did you mean k_proj?" in (finding.hint or "")) == ("warning", True)


def test_nothing_is_said_of_experts_and_of_whole_models() -> None:
    assert found(MIXTRAL_8X7B, lora_target="w1,w2") == []
    assert found(PHI3_MINI, lora_target="q_proj", finetuning_type="full") == []


def test_oft_has_modules_of_its_own() -> None:
    [finding] = found(PHI3_MINI, finetuning_type="oft", oft_target="q_proj", lora_target="all")
    assert finding.loc == ("config", "oft_target")


def test_samples_longer_than_the_context_are_told() -> None:
    short = json.dumps({**json.loads(LLAMA3_8B), "max_position_embeddings": 8192})
    assert found(short, cutoff_len=8192) == []
    [finding] = found(short, cutoff_len=16384)
    assert (finding.severity, finding.loc) == ("warning", ("config", "cutoff_len"))
    assert found(short, cutoff_len=16384, rope_scaling="dynamic") == []
    assert found(LLAMA3_8B, cutoff_len=10**6) == []
