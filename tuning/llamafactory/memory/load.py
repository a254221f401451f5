"""A run in the numbers that its memory is about. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuning.llamafactory.config.deepspeed import Zero, zero_of
from tuning.llamafactory.config.model_size import ModelShape
from tuning.llamafactory.memory.activations import Computing
from tuning.llamafactory.memory.trained_weights import adapted, trained_parameters

_PAIRED_STAGES = ("rm", "dpo", "kto")


@dataclass(frozen=True)
class Load:
    """Model, arguments (a value for every name) and the number of processes."""

    shape: ModelShape
    arguments: Mapping[str, Any]
    processes: int

    @property
    def zero(self) -> Zero:
        """Sharding of weights, gradients and states, by DeepSpeed or FSDP."""
        fsdp = self.arguments["fsdp"]
        words = fsdp.split() if isinstance(fsdp, str) else list(fsdp or [])
        if not words:
            return zero_of(self.arguments["deepspeed"])
        stage = 2 if "shard_grad_op" in words else 0 if "no_shard" in words else 3
        return Zero(stage, offloads_optimizer="offload" in words, offloads_weights="offload" in words)

    def share(self, stage: int) -> float:
        """The part of something on one GPU, when ZeRO shares it out from this stage on."""
        return 1 / self.processes if self.zero.stage >= stage else 1.0

    @property
    def is_pure(self) -> bool:
        """All in 16 bits."""
        return bool(self.arguments["pure_bf16"])

    @property
    def has_deepspeed(self) -> bool:
        """DeepSpeed keeps a copy of trained weights in 32 bits of its own."""
        return self.arguments["deepspeed"] is not None

    @property
    def is_half(self) -> bool:
        """Trained weights are held in 16 bits."""
        return self.is_pure or self.has_deepspeed

    @property
    def is_mixed(self) -> bool:
        """Whether weights are held in 32 bits, and multiplied in 16."""
        return not self.is_half and bool(self.arguments["bf16"] or self.arguments["fp16"])

    @property
    def is_checkpointed(self) -> bool:
        """Layers are computed again in the backward pass."""
        return not self.arguments["disable_gradient_checkpointing"]

    @property
    def trained(self) -> float:
        """Number of weights that are trained."""
        return trained_parameters(self.shape, self.arguments) if self.arguments["do_train"] else 0

    @property
    def gradient_bytes(self) -> float:
        """Of all gradients, before they are shared out."""
        return (2 if self.is_half else 4) * self.trained

    @property
    def tokens(self) -> float:
        """Of one batch."""
        a = self.arguments
        samples = float(a["per_device_train_batch_size"]) * (2 if a["stage"] in _PAIRED_STAGES else 1)
        return samples * float(a["cutoff_len"])

    @property
    def computing(self) -> Computing:
        """Computation of its layers."""
        a = self.arguments
        return Computing(
            is_mixed=self.is_mixed,
            is_single=not self.is_half and not self.is_mixed,
            is_trained=a["finetuning_type"] in ("full", "freeze"),
            is_quantized=a["quantization_bit"] is not None,
            adapted=adapted(self.shape, a),
            rank=a["lora_rank"] if a["finetuning_type"] == "lora" else 0,
            has_magnitudes=bool(a["use_dora"]),
        )
