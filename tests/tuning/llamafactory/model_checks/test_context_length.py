"""The length of samples against the model's positions."""

import json

from tests.tuning.llamafactory.config.model_shapes import LLAMA3_8B, shape_of
from tests.tuning.llamafactory.model_files.model_headers import llama, tensors_of
from tuning.errors import Finding
from tuning.llamafactory.model_checks.context_length import doubt_length
from tuning.llamafactory.model_files.config_json import ModelConfig, read_config
from tuning.llamafactory.model_files.described import KnownModel, ModelFiles

SHORT = {**json.loads(LLAMA3_8B), "max_position_embeddings": 8192}


def found(config: dict[str, object], **arguments: object) -> list[Finding]:
    text = json.dumps(config)
    return list(doubt_length(KnownModel(read_config(text), shape_of(text)), arguments))


def test_samples_longer_than_the_context_are_told() -> None:
    assert found(SHORT, cutoff_len=8192) == []
    [finding] = found(SHORT, cutoff_len=16384)
    assert (finding.severity, finding.loc) == ("warning", ("config", "cutoff_len"))
    assert found(SHORT, cutoff_len=16384, rope_scaling="dynamic") == []
    assert found(json.loads(LLAMA3_8B), cutoff_len=10**6) == []


def test_a_models_own_scaling_counts() -> None:
    scaled = {**SHORT, "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8192}}
    assert found(scaled, cutoff_len=32768) == []
    [finding] = found(scaled, cutoff_len=32769)
    assert "32768" in finding.message


def test_a_table_of_positions_is_not_stretched() -> None:
    files = ModelFiles("s", tensors_of({**llama(), "wpe.weight": (1024, 64)}))
    model = KnownModel(ModelConfig(context_tokens=10_000), files=files)
    [finding] = doubt_length(model, {"cutoff_len": 2048, "rope_scaling": "linear"})
    assert "would end the run" in finding.message
    assert list(doubt_length(model, {"cutoff_len": 1024})) == []
    seeing = KnownModel(ModelConfig(is_composite=True), files=files)
    assert list(doubt_length(seeing, {"cutoff_len": 2048})) == [], "it may be the table of what sees"


def test_an_unknown_model_is_no_finding() -> None:
    assert list(doubt_length(KnownModel(), {"cutoff_len": 10**6})) == []
