"""OpenAI's request for a fine-tuning job as a request of the native API. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from server.openai.fine_tuning.bodies import FineTuningRequest
from server.openai.fine_tuning.hyperparameters import Basis, DpoHyperparameters, Hyperparameters, arguments_of
from server.openai.fine_tuning.wandb import WANDB_KEY, wandb_environment
from server.openai.ids import dataset_id_of
from tuning.errors import Finding, InvalidInput
from tuning.jobs.request.spec import JobRequest
from tuning.recipes.catalogue import find_recipe

RECIPES = {"supervised": "lora-sft", "dpo": "dpo"}
"""By method, unless the request names another."""
STAGES = {"supervised": "sft", "dpo": "dpo"}
_NATIVE = (
    "resources", "team", "job_class", "depends_on", "priority", "held", "continuation", "keep_checkpoints", "webhooks",
)  # fmt: skip
"""Fields of the native API that are handed on as they are."""
_SAID_BY = {
    "model_name_or_path": "model",
    "eval_dataset": "validation_file",
    "seed": "seed",
    "report_to": "integrations",
}
"""Arguments that OpenAI's fields say."""
_PLACES: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("config", "model_name_or_path"): ("model",),
    ("source_job",): ("model",),
    ("checkpoint",): ("model",),
    ("datasets",): ("training_file",),
    ("config", "stage"): ("training_file",),  # what the method makes of the file's rows
    ("config", "mask_history"): ("training_file",),  # by the weights of its messages
    ("config", "eval_dataset"): ("validation_file",),
    ("name",): ("suffix",),
    ("tags",): ("metadata",),
}
"""Places in a native request, and the fields of OpenAI's that they come from."""


@dataclass(frozen=True)
class RequestContext:
    """Context of a translation: the processes that train, and the user's key of W&B."""

    processes: int
    """That train together with the request's resources."""
    has_wandb_key: bool
    """Whether whoever asks keeps a key of W&B as a secret."""
    has_last_answers_alone: bool = False
    """Whether the files have messages of weight 0 and in each row one answer to train on, the last."""


def recipe_of(body: FineTuningRequest) -> str:
    """The recipe of a request, its own or that of its method."""
    return body.recipe or RECIPES.get(body.method.type if body.method is not None else "", RECIPES["supervised"])


def job_request(body: FineTuningRequest, around: RequestContext) -> JobRequest:
    """The native request. Raises InvalidInput with OpenAI's places, and NotFound for what is no file's id."""
    recipe = find_recipe(recipe_of(body))
    if findings := [*_doubled(body), *_other_method(body, recipe.config)]:
        raise InvalidInput(findings)
    basis = Basis(recipe.config, body.config or {}, around.processes)
    own = {
        "model_name_or_path": body.model,
        **({"seed": body.seed} if body.seed is not None else {}),
        **({"report_to": "wandb"} if body.integrations else {}),
        **_validation(body, recipe.config),
        **_mask(basis, around),
        **arguments_of(_hyperparameters(body), basis),
    }
    values = {
        "name": body.suffix,
        "kind": "train",
        "recipe": recipe.name,
        "datasets": [dataset_id_of(body.training_file)],
        "config": {**basis.config, **own},
        "tags": body.metadata or {},
        "secrets": _secrets(body, around),
        "environment": {**wandb_environment(body.integrations or ()), **body.environment},
        **_handed_on(body),
    }
    try:
        return JobRequest.model_validate(values)
    except ValidationError as error:
        findings = [Finding(tuple(wrong["loc"]), str(wrong["msg"])) for wrong in error.errors(include_input=False)]
        raise InvalidInput(with_openai_places(findings, body)) from error


def asks_for_batch(body: FineTuningRequest) -> bool:
    """Whether the translation depends on the number of processes."""
    return _hyperparameters(body).batch_size != "auto"


def with_openai_places(findings: Iterable[Finding], body: FineTuningRequest) -> list[Finding]:
    """Findings about the native request, placed where OpenAI's request says the same."""
    return [replace(finding, loc=_place(finding.loc, body.config or {})) for finding in findings]


def _place(loc: tuple[str | int, ...], config: Mapping[str, Any]) -> tuple[str | int, ...]:
    if loc[:1] == ("config",) and loc[1:2] and loc[1] in config:
        return loc
    for length in (2, 1):
        if (own := _PLACES.get(tuple(str(part) for part in loc[:length]))) is not None:
            rest = loc[length:] if own == ("metadata",) else ()
            return (*own, *rest)
    return loc


def _handed_on(body: FineTuningRequest) -> dict[str, Any]:
    given = {name: getattr(body, name) for name in _NATIVE}
    return {("class" if name == "job_class" else name): value for name, value in given.items()}


def _validation(body: FineTuningRequest, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A file in place of the part of the training data that the recipe keeps back."""
    if body.validation_file is None:
        return {}
    cadence = {} if {"eval_strategy"} & {*recipe, *(body.config or {})} else {"eval_strategy": "epoch"}
    return {"eval_dataset": dataset_id_of(body.validation_file), "val_size": 0.0, **cadence}


def _mask(basis: Basis, around: RequestContext) -> dict[str, Any]:
    """Argument for messages of weight 0, where LLaMA-Factory has one; otherwise the check of the request refuses."""
    whole = {**basis.recipe, **basis.config}
    is_said = "mask_history" in whole or whole.get("stage") != STAGES["supervised"]
    return {"mask_history": True} if around.has_last_answers_alone and not is_said else {}


def _hyperparameters(body: FineTuningRequest) -> Hyperparameters:
    method = body.method
    if method is None:
        return body.hyperparameters or Hyperparameters()
    own = method.dpo if method.type == "dpo" else method.supervised
    usual = DpoHyperparameters() if method.type == "dpo" else Hyperparameters()
    return (own.hyperparameters if own is not None else None) or body.hyperparameters or usual


def _secrets(body: FineTuningRequest, around: RequestContext) -> list[str]:
    wanted = body.integrations and around.has_wandb_key
    return list(dict.fromkeys([*body.secrets, *([WANDB_KEY] if wanted else [])]))


def _doubled(body: FineTuningRequest) -> Iterator[Finding]:
    for argument, name in _SAID_BY.items():
        if argument in (body.config or {}) and getattr(body, name) is not None:
            message = f"{name} and config.{argument} are two forms of the same thing"
            yield Finding((name,), message, "give one of them")
    if body.integrations is not None and len(body.integrations) > 1:
        yield Finding(("integrations",), "a run is kept in one project of W&B", "give one integration")
    own = body.method.dpo or body.method.supervised if body.method is not None else None
    if body.hyperparameters is not None and own is not None and own.hyperparameters is not None:
        message = "hyperparameters and those of method are two forms of the same thing"
        yield Finding(("hyperparameters",), message, "give those of method")


def _other_method(body: FineTuningRequest, recipe: Mapping[str, Any]) -> Iterator[Finding]:
    if body.method is None:
        return
    if body.method.type not in RECIPES:
        hint = "supervised and dpo are; LLaMA-Factory's other trainings are recipes (extra_body: recipe)"
        yield Finding(("method", "type"), f"the method {body.method.type} is not to be had here", hint)
        return
    stage = (body.config or {}).get("stage", recipe.get("stage"))
    if stage != STAGES[body.method.type]:
        hint = "leave method out, or the recipe"
        yield Finding(("method", "type"), f"the method {body.method.type} does not go with the stage {stage}", hint)
    other = "supervised" if body.method.type == "dpo" else "dpo"
    if getattr(body.method, other) is not None:
        yield Finding(("method", other), f"these settings are of the method {other}, not {body.method.type}")
