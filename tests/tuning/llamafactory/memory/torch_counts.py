"""What torch takes for shapes and methods: `python -m tests.tuning.llamafactory.memory.torch_counts` records it.

The counts are made in the training image (torch_program.py) and kept in torch_counts.json.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tuning.llamafactory.config import model_shapes as known
from tests.tuning.llamafactory.model_files.model_headers import layered, tensors_of
from tuning.llamafactory.config.model_size import ModelShape, parse_model_config
from tuning.llamafactory.model_files.config_json import ModelConfig, read_config
from tuning.llamafactory.model_files.tensor_shape import tensor_shape

HERE = Path(__file__).parent
PROGRAM = HERE / "torch_program.py"
RECORDED = HERE / "torch_counts.json"


@dataclass(frozen=True)
class Case:
    """A run whose memory is counted."""

    name: str
    config: str
    arguments: dict[str, Any]
    processes: int = 1

    @property
    def shape(self) -> ModelShape:
        """By config.json, or of a family that is not known by name by the tensors."""
        return parse_model_config(self.config) or _pythia(json.loads(self.config))


def _case(name: str, config: str, length: int, batch: int = 1, processes: int = 1, **arguments: Any) -> Case:
    size = {"cutoff_len": length, "per_device_train_batch_size": batch}
    return Case(name, config, {**size, **arguments}, processes)


def _pythia(config: dict[str, Any]) -> ModelShape:
    """Attention of one matrix, LayerNorm, an MLP without a gate."""
    hidden, inner, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    matrices = {
        "attention.query_key_value": (3 * hidden, hidden),
        "attention.dense": (hidden, hidden),
        "mlp.dense_h_to_4h": (inner, hidden),
        "mlp.dense_4h_to_h": (hidden, inner),
    }
    layer: dict[str, tuple[int, ...]] = {f"{name}.weight": size for name, size in matrices.items()}
    layer |= {f"{name}.bias": size[:1] for name, size in matrices.items()}
    norms = {
        f"{norm}_layernorm.{part}": (hidden,) for norm in ("input", "post_attention") for part in ("weight", "bias")
    }
    beside: dict[str, tuple[int, ...]] = {
        "gpt_neox.embed_in.weight": (vocabulary, hidden),
        "embed_out.weight": (vocabulary, hidden),
    }
    beside |= {f"gpt_neox.final_layer_norm.{part}": (hidden,) for part in ("weight", "bias")}
    layers = layered(config["num_hidden_layers"], {**layer, **norms}, "gpt_neox.layers.")
    found = tensor_shape(read_config(json.dumps(config)) or ModelConfig(), tensors_of({**layers, **beside}))
    assert found is not None
    return found


FULL: dict[str, Any] = {"finetuning_type": "full"}
WITHOUT: dict[str, Any] = {"disable_gradient_checkpointing": True}
SMALL_MIXTURE = known.shape(
    "qwen3_moe", 512, 1024, 8, 8, 8000, num_key_value_heads=2, head_dim=64, num_experts=16, num_experts_per_tok=4,
    moe_intermediate_size=256,
)  # fmt: skip
PYTHIA_1B = known.shape("gpt_neox", 2048, 8192, 16, 8, 50304)
CASES = (
    _case("llama-2-7b full", known.LLAMA2_7B, 2048, **FULL),
    _case("llama-2-7b full, accumulated", known.LLAMA2_7B, 2048, 2, gradient_accumulation_steps=2, **FULL),
    _case("llama-2-7b full, pure_bf16", known.LLAMA2_7B, 2048, pure_bf16=True, **FULL),
    _case("qwen-2.5-0.5b full, no checkpointing", known.QWEN25_05B, 1024, 4, **WITHOUT, **FULL),
    _case("qwen-2.5-0.5b full", known.QWEN25_05B, 4096, 2, **FULL),
    _case("llama-3-8b lora", known.LLAMA3_8B, 2048),
    _case("llama-3-8b lora, no checkpointing", known.LLAMA3_8B, 1024, 2, **WITHOUT),
    _case("llama-3-8b qlora", known.LLAMA3_8B, 2048, 4, quantization_bit=4),
    _case("llama-3-8b qlora, no checkpointing", known.LLAMA3_8B, 1024, quantization_bit=4, **WITHOUT),
    _case("llama-2-7b dora", known.LLAMA2_7B, 2048, use_dora=True),
    _case("llama-3-8b dora, no checkpointing", known.LLAMA3_8B, 512, use_dora=True, **WITHOUT),
    _case("qwen-2.5-0.5b dora", known.QWEN25_05B, 8192, use_dora=True),
    _case("mistral-7b freeze", known.MISTRAL_7B, 2048, 2, finetuning_type="freeze"),
    _case("qwen-3-8b lora on two", known.QWEN3_8B, 1024, 8, lora_target="q_proj,v_proj", lora_rank=64),
    _case("phi-3-mini lora, no checkpointing", known.PHI3_MINI, 2048, 2, **WITHOUT),
    _case("gemma-2-2b full, eager", known.GEMMA2_2B, 2048, **FULL),
    _case("qwen-2-7b lora, eager", known.QWEN2_7B, 2048, flash_attn="disabled"),
    _case("qwen-2-7b lora, eager, no checkpointing", known.QWEN2_7B, 1024, flash_attn="disabled", **WITHOUT),
    _case("qwen-2.5-0.5b full in 32 bits", known.QWEN25_05B, 1024, 4, bf16=False, **WITHOUT, **FULL),
    _case("llama-3-8b lora without autocast", known.LLAMA3_8B, 1024, 2, bf16=False, **WITHOUT),
    _case("qwen-3-30b-a3b lora", known.QWEN3_30B_A3B, 2048),
    _case("small mixture full, pure_bf16, no checkpointing", SMALL_MIXTURE, 1024, 4, pure_bf16=True, **WITHOUT, **FULL),
    _case("pythia-1b full, no checkpointing", PYTHIA_1B, 1024, 4, **WITHOUT, **FULL),
    _case("llama-3-8b full, ZeRO-2 on 4", known.LLAMA3_8B, 2048, 2, 4, deepspeed="zero2", **FULL),
    _case("llama-2-7b full, ZeRO-3 on 8", known.LLAMA2_7B, 4096, 1, 8, deepspeed="zero3", **FULL),
)


def record() -> None:
    """Count all cases anew."""
    from container import image  # noqa: PLC0415
    from container.image_program import run_program  # noqa: PLC0415

    asked = [{"config": json.loads(case.config), "arguments": case.arguments} for case in CASES]
    lines = run_program(image.build("cpu"), PROGRAM, stdin=json.dumps(asked)).splitlines()
    kept = {case.name: json.loads(line.partition(" ")[2]) for case, line in zip(CASES, lines, strict=True)}
    RECORDED.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
