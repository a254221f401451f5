"""Headers and indices as models' files have them."""

import json
from collections.abc import Iterable, Mapping

from tuning.llamafactory.model_files.tensors import Tensors, read_tensors

Shapes = Mapping[str, tuple[int, ...]]
LLAMA: Shapes = {
    "self_attn.q_proj.weight": (64, 64),
    "self_attn.k_proj.weight": (32, 64),
    "self_attn.v_proj.weight": (32, 64),
    "self_attn.o_proj.weight": (64, 64),
    "mlp.gate_proj.weight": (96, 64),
    "mlp.up_proj.weight": (96, 64),
    "mlp.down_proj.weight": (64, 96),
    "input_layernorm.weight": (64,),
    "post_attention_layernorm.weight": (64,),
}


def layered(layers: int, tensors: Shapes, prefix: str = "model.layers.") -> dict[str, tuple[int, ...]]:
    """The tensors of so many layers."""
    return {f"{prefix}{layer}.{name}": shape for layer in range(layers) for name, shape in tensors.items()}


def llama(layers: int = 2, vocabulary: int = 100) -> dict[str, tuple[int, ...]]:
    """A small Llama, whose output layer is the embedding."""
    beside = {"model.embed_tokens.weight": (vocabulary, 64), "model.norm.weight": (64,)}
    return {**layered(layers, LLAMA), **beside}


def header(shapes: Shapes, dtype: str = "BF16") -> bytes:
    """The JSON text of a safetensors file."""
    entries = {name: {"dtype": dtype, "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()}
    return json.dumps({"__metadata__": {"format": "pt"}, **entries}).encode()


def index(names: Iterable[str]) -> bytes:
    """A model.safetensors.index.json."""
    return json.dumps({"metadata": {"total_size": 1}, "weight_map": dict.fromkeys(names, "model.safetensors")}).encode()


def tensors_of(shapes: Shapes) -> Tensors:
    """As they are read."""
    found = read_tensors([header(shapes)], None)
    assert found is not None
    return found
