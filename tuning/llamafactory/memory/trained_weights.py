"""Number of weights that a run trains, by its method. Pure."""

from collections.abc import Mapping
from typing import Any

from tuning.llamafactory.config.model_size import ModelShape, Projection


def trained_parameters(shape: ModelShape, arguments: Mapping[str, Any]) -> float:
    """Number of weights that a method trains."""
    method = arguments["finetuning_type"]
    if method == "full":
        return shape.layer_parameters if arguments["use_badam"] else shape.parameters
    if method == "freeze":
        return float(trained_layers(shape, arguments) * shape.layer_parameters)
    adapters = sum(_adapter(arguments, projection) for projection in adapted(shape, arguments))
    return shape.layers * adapters + _extra(shape, arguments)


def trained_layers(shape: ModelShape, arguments: Mapping[str, Any]) -> int:
    """Number of layers whose own weights are trained."""
    method = arguments["finetuning_type"]
    thawed = min(shape.layers, abs(arguments["freeze_trainable_layers"]))
    return shape.layers if method == "full" else thawed if method == "freeze" else 0


def adapted(shape: ModelShape, arguments: Mapping[str, Any]) -> list[Projection]:
    """The matrices of a layer that get an adapter; all where none of the named ones is known.

    Experts get none: since transformers 5 all of a layer's are one tensor, which is no matrix to peft.
    """
    if arguments["finetuning_type"] not in ("lora", "oft"):
        return []
    wanted = arguments["lora_target" if arguments["finetuning_type"] == "lora" else "oft_target"].split(",")
    names = {name.strip().rpartition(".")[2] for name in wanted}
    matrices = [projection for projection in shape.projections if projection.copies == 1]
    return [each for each in matrices if each.name.rpartition(".")[2] in names] or matrices


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
