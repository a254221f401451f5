import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.outcome.artifacts import describe

SEED_001 = [
    ("README.md", "document"),
    ("adapter_config.json", "config"),
    ("adapter_model.safetensors", "adapter"),
    ("all_results.json", "results"),
    ("checkpoint-500/", "checkpoint"),
    ("eval_results.json", "results"),
    ("special_tokens_map.json", "tokenizer"),
    ("tokenizer.json", "tokenizer"),
    ("tokenizer_config.json", "tokenizer"),
    ("train_results.json", "results"),
    ("trainer_log.jsonl", "log"),
    ("trainer_state.json", "state"),
    ("training_args.bin", "state"),
    ("training_loss.png", "plot"),
]
OTHERS = [
    ("model.safetensors", "weights"),
    ("model-00001-of-00004.safetensors", "weights"),
    ("model.safetensors.index.json", "weights"),
    ("config.json", "config"),
    ("chat_template.jinja", "tokenizer"),
    ("training_eval_loss.png", "plot"),
    ("generated_predictions.jsonl", "results"),
    ("checkpoint-20", "checkpoint"),
    ("checkpoint-20/adapter_model.safetensors", "checkpoint"),
    ("checkpoint-20/global_step20/mp_rank_00_model_states.pt", "checkpoint"),
    ("checkpoint-x/foo", "other"),
    ("something.else", "other"),
]


@pytest.mark.parametrize(("path", "kind"), SEED_001 + OTHERS)
def test_every_result_file_is_known(path: str, kind: str) -> None:
    assert describe(path).kind == kind


@pytest.mark.parametrize("path", [path for path, _ in SEED_001])
def test_every_file_of_seed_001_has_a_description_of_its_own(path: str) -> None:
    described = [describe(other).description for other, _ in SEED_001]
    assert described.count(describe(path).description) == 1
    assert describe(path).description != describe("something.else").description


def test_a_checkpoint_says_its_step() -> None:
    assert "step 500" in describe("checkpoint-500/optimizer.pt").description
    assert "optimizer" in describe("checkpoint-500/optimizer.pt").description


@given(st.text(max_size=60))
def test_any_path_has_a_description(path: str) -> None:
    assert describe(path).description
