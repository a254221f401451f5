"""Estimate of a GPU's memory that a run takes, from the shape of the model and the arguments.

The rule. Per weight, in bytes:

    frozen                    2; quantized to 8 bits 1, to 4 bits about 0.52 (QLoRA, Dettmers 2023, section 3)
    trained, mixed precision  4 weight, 2 its copy in 16 bits, 4 gradient, 8 states of Adam (18, LLaMA-Factory's README)
    trained, pure_bf16        2 weight, 2 gradient, 4 states (8, the same table)
    trained, DeepSpeed        2 weight, 2 gradient, 4 master copy, 8 states (16; ZeRO, Rajbhandari 2020, section 3)

ZeRO shares out over N GPUs: the states and the master copy from stage 1, gradients too from 2, weights too from 3 (its
section 5). What is offloaded counts nothing.

Activations, per token of a batch and in 16 bits: with gradient checkpointing (LLaMA-Factory's default) the input of
each layer, and all of one layer that is computed again; without, all of every layer: the inputs of its norms, of its
projections and of the MLP's product (after Korthikanti 2022, section 4, without dropout and with an attention that
keeps no scores). The logits come on top: 14 bytes for each word of the vocabulary, as the loss is computed in 32 bits.

It is an estimate: LLaMA-Factory's README table for a model of 7 B weights is met within a fifth. Nothing was measured
on a GPU.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tuning.errors import Finding
from tuning.llamafactory.config.deepspeed import Zero, zero_of
from tuning.llamafactory.config.model_size import ModelShape, Projection

GIB = 2**30
_CONTEXT_BYTES = int(0.8 * GIB)
"""What CUDA, its libraries and the allocator's gaps take of an otherwise empty GPU."""
_BUCKET_BYTES = 2 * 500_000_000
"""A bucket of ZeRO's: half a billion elements in 16 bits."""
_LOGIT_BYTES = 14
_LARGEST_BYTES = 2.0**53
_QUANTIZED_BITS = {4: 4.127, 8: 8.0}
_STATE_BYTES: Mapping[str, float] = {
    "sgd": 0, "lomo": 0, "adalomo": 0, "adafactor": 0.1, "lion_32bit": 4, "paged_lion_32bit": 4, "lion_8bit": 1,
    "paged_lion_8bit": 1, "adamw_bnb_8bit": 2, "adamw_8bit": 2, "paged_adamw_8bit": 2, "adamw_torch_8bit": 2,
    "adamw_torch_4bit": 1, "rmsprop": 4, "adagrad": 4,
}  # fmt: skip
"""Bytes of the optimizer's states for each trained weight; 8 for Adam and whatever is not named here."""
_PAIRED_STAGES = ("rm", "dpo", "kto")


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


@dataclass(frozen=True)
class _Load:
    """The run in the numbers that the rule is about."""

    shape: ModelShape
    arguments: Mapping[str, Any]
    zero: Zero
    processes: int

    @property
    def is_pure(self) -> bool:
        return bool(self.arguments["pure_bf16"])

    @property
    def has_deepspeed(self) -> bool:
        return self.arguments["deepspeed"] is not None

    @property
    def trained(self) -> float:
        """How many weights are trained."""
        return trained_parameters(self.shape, self.arguments) if self.arguments["do_train"] else 0

    def share(self, stage: int) -> float:
        """The part of something on one GPU, when ZeRO shares it out from this stage on."""
        return 1 / self.processes if self.zero.stage >= stage else 1.0


def estimate_memory(shape: ModelShape, arguments: Mapping[str, Any], processes: int = 1) -> MemoryEstimate:
    """The memory of one GPU of a run by so many processes; `arguments` hold a value for every name."""
    load = _Load(shape, arguments, _sharding(arguments), processes)
    return MemoryEstimate(
        weights=_whole_bytes(_weights(load)),
        gradients=_whole_bytes(_gradients(load)),
        optimizer=_whole_bytes(_optimizer(load)),
        activations=_whole_bytes(_activations(load)),
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


def trained_parameters(shape: ModelShape, arguments: Mapping[str, Any]) -> float:
    """Number of weights that a method trains."""
    method = arguments["finetuning_type"]
    if method == "full":
        return shape.layer_parameters if arguments["use_badam"] else shape.parameters
    if method == "freeze":
        return float(min(shape.layers, abs(arguments["freeze_trainable_layers"])) * shape.layer_parameters)
    return shape.layers * sum(_adapter(arguments, projection) for projection in _adapted(shape, arguments)) + _extra(
        shape, arguments
    )


def _adapted(shape: ModelShape, arguments: Mapping[str, Any]) -> list[Projection]:
    """The projections of a layer that get an adapter; all where none of the named ones is known."""
    wanted = arguments["lora_target" if arguments["finetuning_type"] == "lora" else "oft_target"].split(",")
    names = {name.strip().rpartition(".")[2] for name in wanted}
    chosen = [projection for projection in shape.projections if projection.name.rpartition(".")[2] in names]
    return chosen or list(shape.projections)


def _adapter(arguments: Mapping[str, Any], projection: Projection) -> float:
    if arguments["finetuning_type"] == "oft":
        block = arguments["oft_block_size"] or projection.inputs / max(1, arguments["oft_rank"])
        return float(projection.copies * projection.inputs * (block - 1) / 2)
    magnitudes = projection.outputs if arguments["use_dora"] else 0
    return float(projection.copies * (arguments["lora_rank"] * (projection.inputs + projection.outputs) + magnitudes))


def _extra(shape: ModelShape, arguments: Mapping[str, Any]) -> int:
    """`additional_target` trains whole matrices beside the adapter: the embedding and the output layer, as a rule."""
    named = [name.strip() for name in (arguments["additional_target"] or "").split(",")]
    return sum(name in ("embed_tokens", "lm_head") for name in named) * shape.vocabulary * shape.hidden_size


def _sharding(arguments: Mapping[str, Any]) -> Zero:
    words = arguments["fsdp"].split() if isinstance(arguments["fsdp"], str) else list(arguments["fsdp"] or [])
    if not words:
        return zero_of(arguments["deepspeed"])
    stage = 2 if "shard_grad_op" in words else 0 if "no_shard" in words else 3
    return Zero(stage, offloads_optimizer="offload" in words, offloads_weights="offload" in words)


def _weights(load: _Load) -> float:
    shape, bits = load.shape, load.arguments["quantization_bit"]
    frozen = 2.0 * shape.parameters
    if bits is not None:
        frozen -= shape.linear_parameters * (2 - _QUANTIZED_BITS.get(bits, float(bits)) / 8)
    adds = load.arguments["finetuning_type"] in ("lora", "oft")
    trained_already = 0.0 if adds else 2.0 * load.trained
    trained = load.trained * (2 if load.is_pure or load.has_deepspeed else 6)
    whole = frozen - trained_already + trained + _reference(load)
    if load.zero.stage < 3:
        return whole
    kept = 0.0 if load.zero.offloads_weights else whole * load.share(3)
    gathered = 2.0 * (2 * shape.layer_parameters + shape.vocabulary * shape.hidden_size)
    return kept + min(whole, gathered)


def _reference(load: _Load) -> float:
    """DPO and KTO hold a second model, but where switching the adapter off gives it, and where the loss has none."""
    a = load.arguments
    needed = a["stage"] == "kto" or (a["stage"] == "dpo" and a["pref_loss"] not in ("orpo", "simpo"))
    is_own = a["finetuning_type"] == "lora" and a["ref_model"] is None
    return 2.0 * load.shape.parameters if needed and not is_own else 0.0


def _gradients(load: _Load) -> float:
    each = 2 if load.is_pure or load.has_deepspeed else 4
    gradients = each * load.trained
    if load.zero.stage in (1, 2):
        buckets = min(2 * _BUCKET_BYTES, 2 * each * load.trained)
        return buckets + (0.0 if load.zero.offloads_optimizer else gradients * load.share(2))
    if load.zero.stage == 3:
        return 0.0 if load.zero.offloads_optimizer else gradients * load.share(3)
    is_reduced_in_buckets = load.processes > 1  # torch's DDP copies every gradient into a bucket
    return gradients * (2 if is_reduced_in_buckets else 1)


def _optimizer(load: _Load) -> float:
    if load.zero.offloads_optimizer:
        return 0.0
    states = _STATE_BYTES.get(load.arguments["optim"], 8) * _low_rank_share(load) / (2 if load.is_pure else 1)
    master = 4 if load.has_deepspeed and not load.is_pure else 0
    return (states + master) * load.trained * load.share(1)


def _low_rank_share(load: _Load) -> float:
    """GaLore and APOLLO keep the states in a space of a small rank."""
    for name in ("galore", "apollo"):
        if load.arguments[f"use_{name}"]:
            return min(1.0, float(load.arguments[f"{name}_rank"]) / load.shape.hidden_size)
    return 1.0


def _activations(load: _Load) -> float:
    shape, a = load.shape, load.arguments
    if not a["do_train"]:
        return _generation(load)
    samples = a["per_device_train_batch_size"] * (2 if a["stage"] in _PAIRED_STAGES else 1)
    tokens = samples * a["cutoff_len"]
    layer = _layer_bytes(shape, a)
    layers = (
        shape.layers * layer if a["disable_gradient_checkpointing"] else shape.layers * 2 * shape.hidden_size + layer
    )
    logits = 0 if a["enable_liger_kernel"] or a["use_liger_kernel"] else _LOGIT_BYTES * shape.vocabulary
    return float(tokens * (layers + logits))


def _layer_bytes(shape: ModelShape, a: Mapping[str, Any]) -> float:
    """One token through one layer, all that its backward pass needs."""
    attention = 2 * shape.query_size + 2 * shape.key_value_size
    kept = 2.0 * (6 * shape.hidden_size + attention + 4 * shape.intermediate_size)
    scores = 8.0 * shape.heads * a["cutoff_len"] if a["flash_attn"] == "disabled" else 0.0
    return kept + scores


def _generation(load: _Load) -> float:
    """Predicting: the keys and values of all that was read and written, and the last logits."""
    shape, a = load.shape, load.arguments
    samples = a["per_device_eval_batch_size"] * max(1, a["num_beams"])
    kept = 4 * shape.layers * shape.key_value_size * (a["cutoff_len"] + a["max_new_tokens"])
    passing = a["cutoff_len"] * _layer_bytes(shape, a)
    return float(samples * (kept + passing + _LOGIT_BYTES * shape.vocabulary))


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"
