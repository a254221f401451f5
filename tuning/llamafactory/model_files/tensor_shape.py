"""Shape of a model of any family, by its tensors: what its memory is estimated from where config.json is not enough.

Weights are counted exactly; what a layer computes is told from its matrices, as far as their names and sizes show it.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from tuning.llamafactory.config.model_size import ModelShape, Projection
from tuning.llamafactory.model_files.config_json import ModelConfig
from tuning.llamafactory.model_files.tensors import TensorGroup, Tensors

_EMBEDDING = re.compile(r"(^|[._])(embed_tokens|embed_in|embeddings?|embd|wte|word_embeddings|tok_embeddings|shared)$")
_CONVOLUTION = "conv"


def tensor_shape(config: ModelConfig, tensors: Tensors) -> ModelShape | None:
    """None where no embedding or no layers can be told, and where the weights are stored in fewer bits."""
    total, embedding = tensors.parameters, _embedding(tensors.groups)
    stack = _largest_stack(tensors.groups)
    if total is None or embedding is None or not stack or config.is_quantized:
        return None
    layers = config.layers or max(group.copies for group in stack if group.name.count("*") == 1 or len(stack) == 1)
    vocabulary, hidden = embedding
    projections = _projections(stack, layers)
    kept = ModelShape(
        family=config.model_type or "unknown",
        layers=layers,
        hidden_size=hidden,
        intermediate_size=_inner(projections, hidden) * (config.experts_of_token or 1),
        vocabulary=vocabulary,
        heads=config.heads or 1,
        key_value_size=(config.key_value_heads or 0) * (config.head_size or 0) or hidden,
        query_size=(config.heads or 0) * (config.head_size or 0) or hidden,
        projections=projections,
        layer_extras=0,
        is_tied=not _has_output_layer(tensors.groups, embedding),
        context_tokens=config.context_tokens,
        extra_parameters=0,
    )
    return _with_all_of(kept, total)


def _with_all_of(shape: ModelShape, total: int) -> ModelShape:
    return replace(shape, extra_parameters=total - shape.parameters)


def _embedding(groups: Sequence[TensorGroup]) -> tuple[int, int] | None:
    """Words and size: of the longest table that is called an embedding."""
    tables = [
        group.shape for group in groups if "*" not in group.name and _EMBEDDING.search(group.name[: -len(".weight")])
    ]
    pairs = [(shape[0], shape[1]) for shape in tables if shape is not None and len(shape) == 2]
    return max(pairs, default=None)


def _has_output_layer(groups: Sequence[TensorGroup], embedding: tuple[int, int]) -> bool:
    """A second table of the same size outside of any layer."""
    return sum(group.copies for group in groups if group.shape == embedding and "*" not in group.name) > 1


def _largest_stack(groups: Sequence[TensorGroup]) -> list[TensorGroup]:
    """The layers of the part with the most weights: of a model that sees, too, those of the language model."""
    stacks: dict[str, list[TensorGroup]] = {}
    for group in groups:
        before, star, _ = group.name.partition(".*.")
        if star:
            stacks.setdefault(before, []).append(group)
    return max(stacks.values(), key=lambda stack: sum(group.numbers for group in stack), default=[])


def _projections(stack: Sequence[TensorGroup], layers: int) -> tuple[Projection, ...]:
    """The matrices of a layer, in their order; fused experts are one tensor of three dimensions."""
    found = []
    for group in stack:
        if group.shape is None or len(group.shape) not in (2, 3) or _CONVOLUTION in group.name:
            continue
        outputs, inputs = group.shape[-2:]
        copies = max(1, round(group.copies * (group.shape[0] if len(group.shape) == 3 else 1) / layers))
        name = group.name.removesuffix(".weight").rpartition(".")[2]
        if min(outputs, inputs) > 0:
            found.append(Projection(name, inputs, outputs, copies))
    return tuple(found)


def _inner(projections: Sequence[Projection], hidden: int) -> int:
    """Of the MLP, or of an expert: the most that any matrix leads back to the hidden size from."""
    return max((each.inputs for each in projections if each.outputs == hidden), default=hidden)
