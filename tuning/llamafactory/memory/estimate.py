"""Estimate of a GPU's memory that a run takes, from the shape of the model and the arguments.

The rule. Per weight, in bytes:

    frozen                    2; quantized to 8 bits 1, to 4 bits about 0.52 (QLoRA, Dettmers 2023, section 3)
    trained, mixed precision  4 weight, 4 gradient, 8 states of Adam; and a copy in 16 bits during the forward pass
    trained, pure_bf16        2 weight, 2 gradient, 4 states
    trained, DeepSpeed        2 weight, 2 gradient, 4 master copy, 8 states (16; ZeRO, Rajbhandari 2020, section 3)

ZeRO shares out over N GPUs: the states and the master copy from stage 1, gradients too from 2, weights too from 3 (its
section 5). What is offloaded counts nothing.

What a step keeps and computes beside that is told in step.py and activations.py.

The sum is what torch counts for real models and methods, within 15 % (tests/tuning/llamafactory/memory/
torch_counts.py); nothing was measured on a GPU. Beside it stands what CUDA takes for itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tuning.errors import Finding
from tuning.llamafactory.config.model_size import ModelShape
from tuning.llamafactory.memory.load import Load
from tuning.llamafactory.memory.step import step_bytes

GIB = 2**30
_CONTEXT_BYTES = int(0.8 * GIB)
"""Bytes of CUDA, its libraries and the allocator's gaps on an otherwise empty GPU."""
_BUCKET_BYTES = 2 * 500_000_000
"""A bucket of ZeRO's: half a billion elements in 16 bits."""
_LARGEST_BYTES = 2.0**53
_QUANTIZED_BITS = {4: 4.127, 8: 8.0}
_STATE_BYTES: Mapping[str, float] = {
    "sgd": 0, "lomo": 0, "adalomo": 0, "adafactor": 0.1, "lion_32bit": 4, "paged_lion_32bit": 4, "lion_8bit": 1,
    "paged_lion_8bit": 1, "adamw_bnb_8bit": 2, "adamw_8bit": 2, "paged_adamw_8bit": 2, "adamw_torch_8bit": 2,
    "adamw_torch_4bit": 1, "rmsprop": 4, "adagrad": 4,
}  # fmt: skip
"""Bytes of the optimizer's states for each trained weight; 8 for Adam and whatever is not named here."""


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes on one GPU."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    context: int = _CONTEXT_BYTES

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.context


def estimate_memory(shape: ModelShape, arguments: Mapping[str, Any], processes: int = 1) -> MemoryEstimate:
    """The memory of one GPU of a run by so many processes; `arguments` hold a value for every name."""
    load = Load(shape, arguments, processes)
    return MemoryEstimate(
        weights=_whole_bytes(_weights(load)),
        gradients=_whole_bytes(_gradients(load)),
        optimizer=_whole_bytes(_optimizer(load)),
        activations=_whole_bytes(step_bytes(load)),
    )


def _whole_bytes(size: float) -> int:
    """Bytes as an integer that every reader of JSON keeps; an operator's own arguments may be inf or nan."""
    return round(min(size, _LARGEST_BYTES)) if size > 0 else 0


def too_large(estimate: MemoryEstimate, gpu_memory_bytes: int | None) -> Iterator[Finding]:
    """A warning where the estimate exceeds the GPU."""
    if gpu_memory_bytes is not None and estimate.total > gpu_memory_bytes:
        parts = {"weights": estimate.weights, "gradients": estimate.gradients, "optimizer": estimate.optimizer}
        shown = ", ".join(f"{name} {_gib(size)}" for name, size in {**parts, "samples": estimate.activations}.items())
        message = f"one GPU would need about {_gib(estimate.total)} and has {_gib(gpu_memory_bytes)} ({shown})"
        hint = "lower per_device_train_batch_size or cutoff_len, use LoRA with quantization_bit: 4, or deepspeed: zero3"
        yield Finding(("config", "per_device_train_batch_size"), message, hint, "warning")


def _weights(load: Load) -> float:
    shape, bits = load.shape, load.arguments["quantization_bit"]
    frozen = 2.0 * shape.parameters
    if bits is not None:
        frozen -= shape.linear_parameters * (2 - _QUANTIZED_BITS.get(bits, float(bits)) / 8)
    adds = load.arguments["finetuning_type"] in ("lora", "oft")
    trained_already = 0.0 if adds else 2.0 * load.trained
    trained = load.trained * (2 if load.is_half else 4)
    whole = frozen - trained_already + trained + _reference(load)
    if load.zero.stage < 3:
        return whole
    kept = 0.0 if load.zero.offloads_weights else whole * load.share(3)
    gathered = 2.0 * (2 * shape.layer_parameters + shape.vocabulary * shape.hidden_size)
    return kept + min(whole, gathered)


def _reference(load: Load) -> float:
    """DPO and KTO hold a second model, but where switching the adapter off gives it, and where the loss has none."""
    a = load.arguments
    needed = a["stage"] == "kto" or (a["stage"] == "dpo" and a["pref_loss"] not in ("orpo", "simpo"))
    is_own = a["finetuning_type"] == "lora" and a["ref_model"] is None
    return 2.0 * load.shape.parameters if needed and not is_own else 0.0


def _gradients(load: Load) -> float:
    gradients = load.gradient_bytes
    if load.zero.stage in (1, 2):
        buckets = min(2 * _BUCKET_BYTES, 2 * gradients)
        return buckets + (0.0 if load.zero.offloads_optimizer else gradients * load.share(2))
    if load.zero.stage == 3:
        return 0.0 if load.zero.offloads_optimizer else gradients * load.share(3)
    is_reduced_in_buckets = load.processes > 1  # torch's DDP copies every gradient into a bucket
    return gradients * (2 if is_reduced_in_buckets else 1)


def _optimizer(load: Load) -> float:
    if load.zero.offloads_optimizer:
        return 0.0
    numbers = _numbers_with_states(load)
    states = _STATE_BYTES.get(load.arguments["optim"], 8) / (2 if load.is_pure else 1)
    master = 4 if load.has_deepspeed and not load.is_pure else 0
    return (states * numbers + master * load.trained) * load.share(1)


def _numbers_with_states(load: Load) -> float:
    """GaLore and APOLLO keep those of the layers' matrices in a space of a small rank, and the way there."""
    for name in ("galore", "apollo"):
        if load.arguments[f"use_{name}"]:
            rank = load.arguments[f"{name}_rank"]
            return load.trained - load.shape.linear_parameters + load.shape.layers * _low_rank(load.shape, rank)
    return load.trained


def _low_rank(shape: ModelShape, rank: int) -> float:
    """Numbers for the matrices of a layer: the longer side by the rank, and half of the shorter one by it (the way)."""
    sides = (
        (max(each.inputs, each.outputs), min(each.inputs, each.outputs), each.copies) for each in shape.projections
    )
    return sum(copies * min(rank, short) * (long + short / 2) for long, short, copies in sides)


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"
