"""Size of a model by its config.json, for the families whose shape is known here.

The shapes are those of transformers' modeling files; the tests hold the sums against the counts of well-known models.
Norms and biases are counted too, so that the sum is exact.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
_MLP = ("gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Family:
    """Differences of a model_type's layers from Llama's."""

    norms: int = 2
    """Norms of the hidden size in a layer."""
    head_norms: int = 0
    """Norms of a head's size in a layer (of queries and keys)."""
    qkv_bias: bool = False
    is_fused: bool = False
    """One matrix for queries, keys and values, and one for gate and up."""
    is_tied: bool = False
    """What holds when config.json does not say tie_word_embeddings."""
    head_size: int | None = None
    """What holds when it does not say head_dim; None: the hidden size shared out over the heads."""
    experts: str | None = None
    """The name of the number of experts, in a mixture of them."""
    inner: str = "intermediate_size"
    """The name of the MLP's size, or of one expert's."""
    has_shared_expert: bool = False


FAMILIES: Mapping[str, Family] = {
    "llama": Family(),
    "mistral": Family(),
    "mixtral": Family(experts="num_local_experts"),
    "qwen2": Family(qkv_bias=True),
    "qwen2_moe": Family(qkv_bias=True, experts="num_experts", inner="moe_intermediate_size", has_shared_expert=True),
    "qwen3": Family(head_norms=2, head_size=128),
    "qwen3_moe": Family(head_norms=2, experts="num_experts", inner="moe_intermediate_size"),
    "phi3": Family(is_fused=True),
    "gemma": Family(is_tied=True, head_size=256),
    "gemma2": Family(norms=4, is_tied=True, head_size=256),
}


@dataclass(frozen=True)
class Projection:
    """A matrix of a layer: what LoRA adapts and what is quantized."""

    name: str
    inputs: int
    outputs: int
    copies: int = 1
    """In a mixture of experts there is one for each expert."""

    @property
    def parameters(self) -> int:
        """Number of weights of its copies together."""
        return self.inputs * self.outputs * self.copies


@dataclass(frozen=True)
class ModelShape:
    """The shape of a decoder."""

    family: str
    layers: int
    hidden_size: int
    intermediate_size: int
    """Of the MLP that a token passes; in a mixture of experts, of all experts that it passes together."""
    vocabulary: int
    heads: int
    key_value_size: int
    """The outputs of k_proj: fewer than the hidden size with grouped queries."""
    query_size: int
    projections: tuple[Projection, ...]
    """Of one layer."""
    layer_extras: int
    """Norms, biases and the router of one layer."""
    is_tied: bool
    """Whether the output layer is the embedding."""
    context_tokens: int | None = None
    """Positions that it was trained for, where config.json says."""
    extra_parameters: int = 0
    """Parameters elsewhere, such as those of the part that sees."""

    @property
    def embedding_parameters(self) -> int:
        """The embedding, and the output layer where it is another matrix."""
        return self.vocabulary * self.hidden_size * (1 if self.is_tied else 2)

    @property
    def linear_parameters(self) -> int:
        """The weights of all layers that quantization shrinks."""
        return self.layers * sum(projection.parameters for projection in self.projections)

    @property
    def layer_parameters(self) -> int:
        """One layer."""
        return sum(projection.parameters for projection in self.projections) + self.layer_extras

    @property
    def parameters(self) -> int:
        """The whole model."""
        decoder = self.layers * self.layer_parameters + self.embedding_parameters + self.hidden_size
        return decoder + self.extra_parameters


def parse_model_config(text: str) -> ModelShape | None:
    """The facts in a config.json; None for a family that is not known here, or a text that is no such file."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        return None
    family = FAMILIES.get(str(config.get("model_type"))) if isinstance(config, dict) else None
    return _shape(config, family) if family is not None and _is_whole(config) else None


def needs_own_code(text: str) -> bool:
    """Whether a config.json is of a model that comes with code (auto_map) and is of no family that is known here."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(config, dict) and bool(config.get("auto_map")) and config.get("model_type") not in FAMILIES


def _is_whole(config: Mapping[str, Any]) -> bool:
    needed = ("num_hidden_layers", "hidden_size", "intermediate_size", "vocab_size", "num_attention_heads")
    is_alike_all_through = not config.get("mlp_only_layers") and config.get("decoder_sparse_step", 1) == 1
    return is_alike_all_through and all(type(config.get(name)) is int and 0 < config[name] < 10**9 for name in needed)


def _shape(config: Mapping[str, Any], family: Family) -> ModelShape:
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    head = _count(config, "head_dim", family.head_size or hidden // heads)
    keys = _count(config, "num_key_value_heads", heads) * head
    experts = _count(config, family.experts, 1) if family.experts else 1
    inner = _count(config, family.inner, config["intermediate_size"])
    shared = _count(config, "shared_expert_intermediate_size", 0) if family.has_shared_expert else 0
    projections = _projections(family, hidden, heads * head, keys, inner, experts)
    if shared:
        projections += _mlp(family, "shared_expert.", hidden, shared, 1)
    router = hidden * experts if experts > 1 else 0
    biases = heads * head + 2 * keys if config.get("attention_bias", family.qkv_bias) else 0
    return ModelShape(
        family=config["model_type"],
        layers=config["num_hidden_layers"],
        hidden_size=hidden,
        intermediate_size=inner * (_count(config, "num_experts_per_tok", 2) if experts > 1 else 1) + shared,
        vocabulary=config["vocab_size"],
        heads=heads,
        key_value_size=keys,
        query_size=heads * head,
        projections=projections,
        layer_extras=family.norms * hidden + family.head_norms * head + biases + router + (hidden if shared else 0),
        is_tied=bool(config.get("tie_word_embeddings", family.is_tied)),
        context_tokens=_count(config, "max_position_embeddings", 0) or None,
    )


def _count(config: Mapping[str, Any], name: str, otherwise: int) -> int:
    value = config.get(name)
    return value if type(value) is int and 0 < value < 10**9 else otherwise


def _projections(
    family: Family, hidden: int, queries: int, keys: int, inner: int, experts: int
) -> tuple[Projection, ...]:
    mlp = _mlp(family, "", hidden, inner, experts)
    if family.is_fused:
        fused = Projection("qkv_proj", hidden, queries + 2 * keys)
        return (fused, Projection("o_proj", queries, hidden), *mlp)
    shapes = ((hidden, queries), (hidden, keys), (hidden, keys), (queries, hidden))
    attention = (Projection(name, *shape) for name, shape in zip(_ATTENTION, shapes, strict=True))
    return (*attention, *mlp)


def _mlp(family: Family, prefix: str, hidden: int, inner: int, experts: int) -> tuple[Projection, ...]:
    if family.is_fused:
        return (Projection("gate_up_proj", hidden, 2 * inner), Projection("down_proj", inner, hidden))
    shapes = ((hidden, inner), (hidden, inner), (inner, hidden))
    return tuple(Projection(f"{prefix}{name}", *shape, experts) for name, shape in zip(_MLP, shapes, strict=True))
