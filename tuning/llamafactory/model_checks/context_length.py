"""Check of the samples' length against the positions that the model has."""

from collections.abc import Iterator, Mapping
from typing import Any

from tuning.errors import Finding
from tuning.llamafactory.model_files.described import KnownModel
from tuning.llamafactory.model_files.tensors import TensorGroup

_TABLES = ("wpe", "embed_positions", "position_embeddings", "position_embedding")


def doubt_length(model: KnownModel, arguments: Mapping[str, Any]) -> Iterator[Finding]:
    """A warning where samples may be longer than the model's context."""
    length = arguments.get("cutoff_len")
    if not isinstance(length, int):
        return
    learned = _learned_positions(model)
    if learned is not None:
        if length > learned:
            message = f"the model has a table of {learned} positions: a sample of {length} tokens would end the run"
            yield Finding(("config", "cutoff_len"), message, f"set cutoff_len: {learned}", "warning")
        return
    positions = _positions(model)
    if positions is not None and length > positions and not arguments.get("rope_scaling"):
        message = f"{length} tokens are more than the {positions} that the model has positions for"
        hint = f"set cutoff_len: {positions}, or rope_scaling: dynamic"
        yield Finding(("config", "cutoff_len"), message, hint, "warning")


def _positions(model: KnownModel) -> int | None:
    """With the scaling that is the model's own."""
    if model.config is not None and model.config.context_tokens is not None:
        return model.config.context_tokens
    return model.shape.context_tokens if model.shape is not None else None


def _learned_positions(model: KnownModel) -> int | None:
    """The rows of a table of positions that no scaling stretches; of one model alone, not of one that sees."""
    tensors = model.files.tensors if model.files is not None else None
    if tensors is None or (model.config is not None and model.config.is_composite):
        return None
    return next((group.shape[0] for group in tensors.groups if _is_table(group) and group.shape), None)


def _is_table(group: TensorGroup) -> bool:
    is_table = group.shape is not None and len(group.shape) == 2 and "*" not in group.name
    return is_table and group.name.removesuffix(".weight").rpartition(".")[2] in _TABLES
