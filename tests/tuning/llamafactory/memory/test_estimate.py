from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.llamafactory.config.model_shapes import (
    LLAMA2_7B,
    LLAMA3_8B,
    MIXTRAL_8X7B,
    QWEN3_8B,
    QWEN25_05B,
    shape_of,
)
from tuning.llamafactory.arguments.accepted import load_schema
from tuning.llamafactory.memory.estimate import GIB, MemoryEstimate, estimate_memory
from tuning.llamafactory.memory.trained_weights import trained_parameters

DEFAULTS = {**load_schema().defaults, "do_train": True, "bf16": True, "per_device_train_batch_size": 1}
METHODS: dict[str, dict[str, Any]] = {
    "full": {"finetuning_type": "full"},
    "pure": {"finetuning_type": "full", "pure_bf16": True},
    "freeze": {"finetuning_type": "freeze"},
    "lora": {},
    "dora": {"use_dora": True},
    "oft": {"finetuning_type": "oft"},
    "qlora-8": {"quantization_bit": 8},
    "qlora-4": {"quantization_bit": 4},
}


def memory(config: str = LLAMA2_7B, processes: int = 1, **arguments: Any) -> MemoryEstimate:
    return estimate_memory(shape_of(config), {**DEFAULTS, **arguments}, processes)


@pytest.mark.parametrize(
    ("method", "gigabytes"), [("full", 120), ("pure", 60), ("lora", 16), ("qlora-8", 10), ("qlora-4", 6)]
)
def test_the_table_of_llamafactorys_readme_is_met_within_a_fifth(method: str, gigabytes: int) -> None:
    total = memory(cutoff_len=512, **METHODS[method]).total
    assert total / 1e9 == pytest.approx(gigabytes, rel=0.2)


def test_lora_trains_what_peft_counts() -> None:
    # peft's print_trainable_parameters for Llama 2 7B, r=8: 4,194,304 on q_proj and v_proj, 19,988,480 on all
    two = {**DEFAULTS, "lora_target": "q_proj,v_proj"}
    assert trained_parameters(shape_of(LLAMA2_7B), two) == 4_194_304
    assert trained_parameters(shape_of(LLAMA2_7B), DEFAULTS) == 19_988_480


def test_a_frozen_model_is_trained_in_its_last_layers() -> None:
    model = shape_of(LLAMA3_8B)
    assert trained_parameters(model, {**DEFAULTS, **METHODS["freeze"]}) == 2 * model.layer_parameters


def test_zero_shares_out_what_its_stage_says() -> None:
    full = {"finetuning_type": "full", "deepspeed": "zero0"}
    none, two, three = (memory(processes=8, **{**full, "deepspeed": f"zero{stage}"}) for stage in (0, 2, 3))
    weights = shape_of(LLAMA2_7B).parameters
    assert none.optimizer == 12 * weights
    assert two.optimizer == pytest.approx(12 * weights / 8)
    assert two.weights == none.weights == 2 * weights
    assert three.weights < two.weights / 3
    assert memory(processes=8, **{**full, "deepspeed": "zero3_offload"}).optimizer == 0


def test_a_mixture_keeps_all_experts_and_runs_some() -> None:
    mixture = memory(MIXTRAL_8X7B)
    assert mixture.weights > 2 * 46_000_000_000
    assert mixture.activations < 3 * memory(LLAMA3_8B).activations


def test_a_second_model_is_held_where_the_loss_compares_with_one() -> None:
    model = 2 * shape_of(LLAMA2_7B).parameters
    dpo = memory(stage="dpo", **METHODS["full"]).weights - memory(**METHODS["full"]).weights
    assert dpo == model
    assert memory(stage="dpo").weights == memory().weights
    assert memory(stage="dpo", ref_model="/r").weights == memory().weights + model
    assert memory(stage="dpo", pref_loss="orpo", **METHODS["full"]).weights == memory(**METHODS["full"]).weights


def test_predicting_needs_no_gradients() -> None:
    predicting = memory(do_train=False)
    assert (predicting.gradients, predicting.optimizer) == (0, 0)
    assert 2 * shape_of(LLAMA2_7B).parameters == predicting.weights


def test_small_optimizers_and_kernels_are_known() -> None:
    full = METHODS["full"]
    assert memory(optim="adamw_8bit", **full).optimizer == memory(**full).optimizer / 4
    assert memory(optim="sgd", **full).optimizer == 0
    assert memory(use_galore=True, **full).optimizer < memory(**full).optimizer / 20, "embeddings keep all of theirs"
    assert memory(enable_liger_kernel=True).activations < memory().activations


def test_an_estimate_is_the_sum_of_its_parts() -> None:
    assert MemoryEstimate(1, 2, 3, 4, 5).total == 15
    assert memory().total > 0.8 * GIB


models = st.sampled_from([LLAMA2_7B, LLAMA3_8B, QWEN25_05B, QWEN3_8B, MIXTRAL_8X7B])
methods = st.sampled_from(sorted(METHODS))
zero = st.sampled_from([None, "zero0", "zero2", "zero2_offload", "zero3", "zero3_offload"])
counts = st.integers(1, 64)


@given(models, methods, zero, counts, counts, counts)
def test_more_samples_and_longer_ones_take_more(
    model: str, method: str, preset: str | None, processes: int, batch: int, more: int
) -> None:
    run = {**METHODS[method], "deepspeed": preset}
    less = memory(model, processes, per_device_train_batch_size=batch, cutoff_len=512, **run).total
    assert memory(model, processes, per_device_train_batch_size=batch + more, cutoff_len=512, **run).total > less
    assert memory(model, processes, per_device_train_batch_size=batch, cutoff_len=512 + more, **run).total > less


@given(models, methods, st.sampled_from(["zero2", "zero2_offload", "zero3", "zero3_offload"]), counts, counts)
def test_more_gpus_never_take_more_of_one_where_they_share(
    model: str, method: str, preset: str, processes: int, more: int
) -> None:
    run = {**METHODS[method], "deepspeed": preset}
    assert memory(model, processes + more, **run).total <= memory(model, processes, **run).total


@given(methods, zero, counts, st.integers(1, 20))
def test_a_deeper_model_takes_more(method: str, preset: str | None, processes: int, more: int) -> None:
    deeper = LLAMA3_8B.replace('"num_hidden_layers": 32', f'"num_hidden_layers": {32 + more}')
    run = {**METHODS[method], "deepspeed": preset}
    assert memory(deeper, processes, **run).total >= memory(LLAMA3_8B, processes, **run).total


@given(models, methods)
def test_checkpointing_saves_and_so_does_quantizing(model: str, method: str) -> None:
    plain = memory(model, **METHODS[method]).total
    without = memory(model, disable_gradient_checkpointing=True, **METHODS[method]).total
    # where the weights' own gradients are the most that a step holds, activations are gone by then
    assert without >= plain if method in ("full", "pure", "freeze") else without > plain
    assert memory(model, **METHODS["qlora-4"]).total < memory(model, **METHODS["qlora-8"]).total < memory(model).total
