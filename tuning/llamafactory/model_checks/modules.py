"""Check of the modules that a configuration names against those that the model has."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tuning.errors import Finding
from tuning.llamafactory.arguments.accepted import nearest
from tuning.llamafactory.config.model_size import ModelShape
from tuning.llamafactory.config.references import names
from tuning.llamafactory.model_files.described import KnownModel
from tuning.llamafactory.model_files.modules import Modules, modules_of

_BESIDE_LAYERS = ("embed_tokens", "lm_head")
_WITH_EXPERTS = frozenset({"mixtral", "qwen2_moe", "qwen3_moe"})
"""Their experts have other names from one version of transformers to the next: nothing is said of them."""
_MOST_NAMED = 20


def doubt_modules(model: KnownModel, arguments: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings for modules that the model has not got; an error where the run would end for it."""
    modules = _modules(model)
    if modules is None:
        return
    method = arguments.get("finetuning_type")
    is_sure = not modules.has_experts and not (model.config and model.config.is_composite)
    if method in ("lora", "oft"):
        if not arguments.get("use_llama_pro"):
            yield from _targets(modules, _title(model), f"{method}_target", arguments, is_sure=is_sure)
        yield from _kept_whole(modules, _title(model), arguments)
    elif method == "freeze" and model.files is not None and model.files.tensors is not None:
        yield from _thawed(modules, _title(model), arguments, is_sure=is_sure)


def _modules(model: KnownModel) -> Modules | None:
    """By its tensors; else by its family, where that has one name for each."""
    if model.files is not None and model.files.tensors is not None:
        return modules_of(model.files.tensors)
    if model.shape is None or model.shape.family in _WITH_EXPERTS:
        return None
    return _usual_modules(model.shape)


def _usual_modules(shape: ModelShape) -> Modules:
    matrices = tuple(dict.fromkeys([*(projection.name for projection in shape.projections), *_BESIDE_LAYERS]))
    return Modules(matrices, (), frozenset(matrices), (), (), has_experts=False)


def _title(model: KnownModel) -> str:
    family = (model.config.model_type if model.config else None) or (model.shape.family if model.shape else None)
    return f"this {family} model" if family else "this model"


def _targets(
    modules: Modules, title: str, argument: str, arguments: Mapping[str, Any], *, is_sure: bool
) -> Iterator[Finding]:
    """peft ends a run where no name is a module's, and where one is that no adapter can be put on."""
    wanted = [name for name in names(arguments.get(argument)) if name != "all"]
    parts = {part for path in modules.paths for part in path.split(".")}
    rigid = [name for name in wanted if _last(name) in modules.others]
    # of a model of several parts LLaMA-Factory takes any module whose path holds the name
    missing = [name for name in wanted if _last(name) not in (modules.matrices if is_sure else parts | {"lm_head"})]
    missing = [name for name in missing if name not in rigid]
    if rigid and is_sure:
        message = f"{_listed(rigid)} of {title} has no matrix that an adapter could be put on"
        yield Finding(("config", argument), message, f"write all, or some of {_listed(modules.matrices)}")
    if missing:
        is_fatal = is_sure and len(missing) == len(names(arguments.get(argument)))
        message = f"{title} has no module {_listed(missing)}"
        hint = f"{_meant(missing[0], modules.matrices)}write all, or some of {_listed(modules.matrices)}"
        yield Finding(("config", argument), message, hint, "error" if is_fatal else "warning")


def _kept_whole(modules: Modules, title: str, arguments: Mapping[str, Any]) -> Iterator[Finding]:
    """peft leaves out what is not there without a word: it would not be trained."""
    there = {part for path in modules.paths for part in path.split(".")} | set(_BESIDE_LAYERS)
    wanted = names(arguments.get("additional_target"))
    missing = [name for name in wanted if not any(part.endswith(_last(name)) for part in there)]
    if missing:
        message = f"{title} has no module {_listed(missing)}: nothing more would be trained for it"
        hint = f"{_meant(missing[0], tuple(there))}remove it, or name a module of the model, such as lm_head"
        yield Finding(("config", "additional_target"), message, hint, "warning")


def _thawed(modules: Modules, title: str, arguments: Mapping[str, Any], *, is_sure: bool) -> Iterator[Finding]:
    """LLaMA-Factory ends the run at the first name that it does not find."""
    in_layers = [name for name in names(arguments.get("freeze_trainable_modules")) if name != "all"]
    beside = names(arguments.get("freeze_extra_modules"))
    for argument, place, wanted, known in (
        ("freeze_trainable_modules", "in its layers", in_layers, modules.in_layers),
        ("freeze_extra_modules", "beside its layers", beside, modules.beside_layers),
    ):
        if missing := [name for name in wanted if name not in known]:
            message = f"{title} has no {_listed(missing)} {place}"
            hint = f"{_meant(missing[0], known)}it has {_listed(known)}"
            yield Finding(("config", argument), message, hint, "error" if is_sure else "warning")


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _listed(found: Sequence[str]) -> str:
    rest = len(found) - _MOST_NAMED
    return ", ".join(name[:80] for name in found[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _meant(name: str, known: Sequence[str]) -> str:
    near = nearest(_last(name), tuple(known))
    return f"did you mean {near}? " if near else ""
