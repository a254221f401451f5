"""The estimate against what torch counts, and against what others measured on GPUs."""

import json
from typing import Any

import pytest

from tests.tuning.llamafactory.config import model_shapes as known
from tests.tuning.llamafactory.config.model_shapes import LLAMA2_7B, shape_of
from tests.tuning.llamafactory.memory.torch_counts import CASES, RECORDED, Case
from tuning.llamafactory.arguments.accepted import load_schema
from tuning.llamafactory.config.model_size import ModelShape
from tuning.llamafactory.memory.estimate import MemoryEstimate, estimate_memory
from tuning.llamafactory.memory.trained_weights import trained_parameters

COUNTS: dict[str, dict[str, int]] = json.loads(RECORDED.read_text(encoding="utf-8"))
DEFAULTS = {**load_schema().defaults, "do_train": True, "bf16": True, "per_device_train_batch_size": 1}
QWEN_7B = known.shape("llama", 4096, 11008, 32, 32, 151_936)
"""The first Qwen's; its layers are those of a Llama."""


def estimated(shape: ModelShape, arguments: dict[str, Any], processes: int = 1) -> MemoryEstimate:
    return estimate_memory(shape, {**DEFAULTS, **arguments}, processes)


ON_ONE = [case for case in CASES if "deepspeed" not in case.arguments]
SHARED_OUT = [case for case in CASES if "deepspeed" in case.arguments]


def test_each_case_was_counted() -> None:
    assert [case.name for case in CASES] == list(COUNTS)
    assert len(CASES) > 12


@pytest.mark.parametrize("case", ON_ONE, ids=lambda case: case.name)
def test_torch_holds_as_much_at_once(case: Case) -> None:
    counted, found = COUNTS[case.name], estimated(case.shape, case.arguments)
    assert found.total - found.context == pytest.approx(counted["peak"], rel=0.06)


@pytest.mark.parametrize("case", ON_ONE, ids=lambda case: case.name)
def test_weights_gradients_and_states_are_counted(case: Case) -> None:
    counted, found = COUNTS[case.name], estimated(case.shape, case.arguments)
    parts = (found.weights, found.gradients, found.optimizer)
    assert parts == pytest.approx((counted["weights"], counted["gradients"], counted["optimizer"]), rel=0.005)
    trained = trained_parameters(case.shape, {**DEFAULTS, **case.arguments})
    assert trained == pytest.approx(counted["trained"], rel=0.001)


@pytest.mark.parametrize("case", SHARED_OUT, ids=lambda case: case.name)
def test_beside_what_deepspeed_shares_out_torch_holds_as_much(case: Case) -> None:
    counted, found = COUNTS[case.name], estimated(case.shape, case.arguments, case.processes)
    assert found.activations == pytest.approx(counted["peak"] - counted["weights"], rel=0.06)


@pytest.mark.parametrize(
    ("method", "gigabytes"),
    [
        ({"finetuning_type": "full"}, 120),
        ({"finetuning_type": "full", "pure_bf16": True}, 60),
        ({}, 16),
        ({"quantization_bit": 8}, 10),
        ({"quantization_bit": 4}, 6),
    ],
)
def test_the_table_of_llamafactorys_readme_is_met(method: dict[str, Any], gigabytes: int) -> None:
    total = estimated(shape_of(LLAMA2_7B), {"cutoff_len": 1024, **method}).total
    assert total / 1e9 == pytest.approx(gigabytes, rel=0.15)


LORA = {256: 20.1, 512: 20.4, 1024: 21.5, 2048: 23.8, 4096: 29.7, 8192: 36.6}
QLORA = {256: 11.5, 512: 11.5, 1024: 12.3, 2048: 13.9, 4096: 16.9, 8192: 23.5}
MEASURED = [
    *((length, {}, gigabytes) for length, gigabytes in LORA.items()),
    *((length, {"quantization_bit": 4}, gigabytes) for length, gigabytes in QLORA.items()),
]


@pytest.mark.parametrize(("length", "method", "gigabytes"), MEASURED)
def test_what_the_authors_of_qwen_measured_on_an_a100_is_met(
    length: int, method: dict[str, Any], gigabytes: float
) -> None:
    """The table "Profiling of Memory and Speed" of QwenLM/Qwen's README: batches of 1, 8 of them gathered, rank 64."""
    run = {"cutoff_len": length, "lora_rank": 64, "gradient_accumulation_steps": 8}
    assert estimated(shape_of(QWEN_7B), {**run, **method}).total / 1e9 == pytest.approx(gigabytes, rel=0.15)
