"""Check of number formats and of attention against the model and the GPU."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tuning.errors import Finding
from tuning.llamafactory.model_files.config_json import ModelConfig

_BEFORE_AMPERE = re.compile(
    r"(?<![a-z0-9])(v100s?|p100|p40|p4|t4|k[48]0|m[46]0|titan|gtx|quadro[-_ ]?rtx"
    r"|((geforce|rtx)[-_ ]?)*(10[678]0|20[678]0))(?![0-9])"
)
_SINCE_AMPERE = re.compile(r"(?<![a-z0-9])(a100|a800|a30|a40|a10g?|a16|a2|l4|l40s?|g?h[128]00|h20|g?b200)(?![0-9])")
_LARGEST_HEAD = 256
"""Of FlashAttention 2."""


def doubt_precision(
    config: ModelConfig | None, arguments: Mapping[str, Any], gpu_type: str | None
) -> Iterator[Finding]:
    """Warnings about formats that the GPU does not compute in, or that the model was not trained in."""
    kind = (gpu_type or "").lower()
    if arguments.get("use_cpu"):
        return
    if _BEFORE_AMPERE.search(kind):
        yield from _before_ampere(arguments, str(gpu_type))
    if config is not None:
        yield from _attention(config, arguments)
        if config.dtype == "bfloat16" and arguments.get("fp16") and _SINCE_AMPERE.search(kind):
            message = "the model was trained in bf16, whose largest numbers fp16 does not have: losses become nan"
            yield Finding(("config", "fp16"), message, f"set bf16: true in its place: {gpu_type} has it", "warning")


def _before_ampere(arguments: Mapping[str, Any], gpu_type: str) -> Iterator[Finding]:
    for name in ("bf16", "pure_bf16"):
        if arguments.get(name):
            message = f"{gpu_type} does not compute in bf16: it is refused or many times slower"
            yield Finding(
                ("config", name), message, "set fp16: true in its place, or ask for another gpu_type", "warning"
            )
    if arguments.get("flash_attn") == "fa2":
        message = f"FlashAttention 2 needs Ampere or newer GPUs, which {gpu_type} is not"
        yield Finding(("config", "flash_attn"), message, "set flash_attn: sdpa", "warning")


def _attention(config: ModelConfig, arguments: Mapping[str, Any]) -> Iterator[Finding]:
    loc, asked = ("config", "flash_attn"), arguments.get("flash_attn")
    is_half = any(arguments.get(name) for name in ("bf16", "fp16", "pure_bf16"))
    if asked == "fa2" and not is_half and config.dtype == "float32":
        yield Finding(
            loc, "FlashAttention 2 computes in 16 bits only", "set bf16: true, or flash_attn: sdpa", "warning"
        )
    if asked == "fa2" and (config.head_size or 0) > _LARGEST_HEAD:
        message = (
            f"FlashAttention 2 takes heads of at most {_LARGEST_HEAD} numbers, and the model's have {config.head_size}"
        )
        yield Finding(loc, message, "set flash_attn: sdpa", "warning")
    if asked == "sdpa" and config.model_type == "gemma2":
        message = "sdpa leaves out the soft cap of Gemma 2's attention"
        yield Finding(loc, message, "set flash_attn: disabled", "warning")
    if config.model_type == "gpt_oss":
        message = "gpt-oss is run with a kernel for Hopper GPUs that LLaMA-Factory fetches from a hub"
        yield Finding(loc, message, "ask the operator whether nodes reach the hub", "warning")
