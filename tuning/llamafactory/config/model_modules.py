"""Check of a configuration against the model's own config.json: modules of adapters, and the length of the context."""

from collections.abc import Iterator, Mapping
from typing import Any

from tuning.errors import Finding
from tuning.llamafactory.arguments.accepted import nearest
from tuning.llamafactory.config.model_size import ModelShape
from tuning.llamafactory.config.references import names

_BESIDE_LAYERS = ("embed_tokens", "lm_head")
_WITH_EXPERTS = frozenset({"mixtral", "qwen2_moe", "qwen3_moe"})
"""Their experts have other names from one version of transformers to the next: nothing is said of them."""


def doubt_by_model(shape: ModelShape, arguments: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings for what the model has not got."""
    if arguments.get("finetuning_type") in ("lora", "oft") and shape.family not in _WITH_EXPERTS:
        yield from _missing_targets(shape, f"{arguments['finetuning_type']}_target", arguments)
    yield from _long_samples(shape, arguments)


def _missing_targets(shape: ModelShape, argument: str, arguments: Mapping[str, Any]) -> Iterator[Finding]:
    """peft ends a run where no name is a module's; a name is one where the module's path ends with it."""
    wanted = names(arguments.get(argument))
    known = tuple(dict.fromkeys([*(projection.name for projection in shape.projections), *_BESIDE_LAYERS]))
    missing = [name for name in wanted if name != "all" and name.rpartition(".")[2] not in known]
    if not missing:
        return
    near = nearest(missing[0], known)
    meant = f"did you mean {near}? " if near else ""
    is_none = len(missing) == len(wanted)
    message = f"this {shape.family} model has no module {', '.join(name[:80] for name in missing[:10])}"
    hint = f"{meant}write all, or some of {', '.join(known)}"
    yield Finding(("config", argument), message, hint, "error" if is_none else "warning")


def _long_samples(shape: ModelShape, arguments: Mapping[str, Any]) -> Iterator[Finding]:
    length = arguments.get("cutoff_len")
    if shape.context_tokens is None or not isinstance(length, int) or arguments.get("rope_scaling"):
        return
    if length > shape.context_tokens:
        message = f"{length} tokens are more than the {shape.context_tokens} that the model has positions for"
        hint = f"set cutoff_len: {shape.context_tokens}, or rope_scaling: dynamic"
        yield Finding(("config", "cutoff_len"), message, hint, "warning")
