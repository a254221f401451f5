"""Values of a config.json beside the shape: dtype, length of the context, attention, code of its own. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DTYPES = ("bfloat16", "float16", "float32")
_INNER = ("text_config", "llm_config", "language_config", "thinker_config")
_LARGEST = 10**9


@dataclass(frozen=True)
class ModelConfig:
    """The words of a config.json that a configuration is held against; None where it does not say."""

    model_type: str | None = None
    dtype: str | None = None
    """bfloat16, float16 or float32: what the weights are stored in."""
    context_tokens: int | None = None
    """Positions that the model was trained for, its own rope_scaling included."""
    layers: int | None = None
    heads: int | None = None
    key_value_heads: int | None = None
    head_size: int | None = None
    experts_of_token: int | None = None
    """Number of a mixture's experts that a token passes."""
    is_composite: bool = False
    """Made of several models: one sees or hears."""
    is_quantized: bool = False
    """Its weights are stored in fewer bits."""
    has_code: bool = False
    """It comes with code of its own (auto_map)."""


def read_config(text: str) -> ModelConfig | None:
    """None for a text that is no config.json."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _model_config(config) if isinstance(config, dict) else None


def _model_config(config: Mapping[str, Any]) -> ModelConfig:
    inner = text_config(config)
    model_type = config.get("model_type")
    return ModelConfig(
        model_type=model_type[:100] if isinstance(model_type, str) else None,
        dtype=_dtype(config) or _dtype(inner),
        context_tokens=_context(inner),
        layers=_count(inner, "num_hidden_layers", "num_layers", "n_layer", "n_layers"),
        heads=(heads := _count(inner, "num_attention_heads", "n_head", "n_heads")),
        key_value_heads=_count(inner, "num_key_value_heads", "n_kv_heads") or heads,
        head_size=_head_size(inner, heads),
        experts_of_token=_count(inner, "num_experts_per_tok", "num_experts_per_token", "moe_topk", "top_k"),
        is_composite=any(name.endswith("_config") and name != "quantization_config" for name in _objects(config)),
        is_quantized=isinstance(config.get("quantization_config"), dict),
        has_code=bool(config.get("auto_map")),
    )


def text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part about the language model, in a model of several; two steps deep in one that speaks, too."""
    for _ in range(2):
        config = next((config[name] for name in _INNER if isinstance(config.get(name), dict)), config)
    return config


def _objects(config: Mapping[str, Any]) -> list[str]:
    return [name for name, value in config.items() if isinstance(value, dict)]


def _dtype(config: Mapping[str, Any]) -> str | None:
    """`dtype` since transformers 5, `torch_dtype` before."""
    said = config.get("dtype") or config.get("torch_dtype")
    word = said.rpartition(".")[2] if isinstance(said, str) else None
    return word if word in _DTYPES else None


def _context(config: Mapping[str, Any]) -> int | None:
    """config.json may name the positions before its own scaling (YaRN as Qwen writes it) or after (Llama 3.1)."""
    stated = _count(config, "max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx")
    scaled = [_scaled(config.get(name), stated) for name in ("rope_scaling", "rope_parameters")]
    return max([count for count in (stated, *scaled) if count], default=None)


def _scaled(scaling: Any, stated: int | None) -> int | None:
    if not isinstance(scaling, dict):
        return None
    factor, before = scaling.get("factor"), _count(scaling, "original_max_position_embeddings") or stated
    if not isinstance(factor, int | float) or not 1 <= factor < 10_000 or before is None:
        return None
    return min(round(factor * before), _LARGEST)


def _head_size(config: Mapping[str, Any], heads: int | None) -> int | None:
    hidden = _count(config, "hidden_size", "n_embd", "d_model")
    return _count(config, "head_dim") or (hidden // heads or None if hidden and heads else None)


def _count(config: Mapping[str, Any], *names: str) -> int | None:
    """The first of these that is a count."""
    values = (config.get(name) for name in names)
    return next((value for value in values if type(value) is int and 0 < value < _LARGEST), None)
