"""OpenAI's request becomes one of the native API, and says where it is wrong in its own words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from server.openai.fine_tuning.bodies import FineTuningRequest
from server.openai.fine_tuning.request import RequestContext, asks_for_batch, job_request, with_openai_places
from server.openai.fine_tuning.wandb import integrations_of
from tuning.errors import Finding, InvalidInput, NotFound
from tuning.jobs.request.spec import JobRequest

ALONE = RequestContext(processes=1, has_wandb_key=False)
LEAST: dict[str, Any] = {"model": "tiny-qwen2", "training_file": "file-abc"}
TEXTS = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=64)
PAIRS = st.dictionaries(TEXTS.filter(lambda text: ":" not in text), TEXTS, max_size=16)


def body(**fields: Any) -> FineTuningRequest:
    return FineTuningRequest.model_validate({**LEAST, **fields})


def native(around: RequestContext = ALONE, **fields: Any) -> JobRequest:
    return job_request(body(**fields), around)


def test_the_least_request_is_a_training_by_the_usual_recipe() -> None:
    request = native()
    assert (request.kind, request.recipe, request.datasets) == ("train", "lora-sft", ("ds_abc",))
    assert request.config == {"model_name_or_path": "tiny-qwen2"}


@given(TEXTS, PAIRS, st.integers(0, 2**31 - 1))
def test_suffix_metadata_and_seed_are_taken_as_they_are(suffix: str, metadata: dict[str, str], seed: int) -> None:
    request = native(suffix=suffix, metadata=metadata, seed=seed)
    assert (request.name, request.tags) == (suffix, metadata)
    assert (request.config or {})["seed"] == seed


def test_a_validation_file_takes_the_place_of_what_is_kept_back() -> None:
    config = native(validation_file="file-xyz").config or {}
    assert (config["eval_dataset"], config["val_size"]) == ("ds_xyz", 0.0)
    assert "eval_strategy" not in config  # the recipe has one
    dpo = native(validation_file="file-xyz", method={"type": "dpo"}).config or {}
    assert dpo["eval_strategy"] == "epoch"


def test_weights_of_messages_are_a_mask() -> None:
    around = RequestContext(1, has_wandb_key=False, has_last_answers_alone=True)
    assert (native(around).config or {})["mask_history"] is True
    assert (native(around, config={"mask_history": False}).config or {})["mask_history"] is False
    assert "mask_history" not in (native(around, method={"type": "dpo"}).config or {})


def test_wandb_goes_there_and_back() -> None:
    run = {"project": "mt", "name": "first", "entity": "lab", "tags": ["a", "b"]}
    integration = {"type": "wandb", "wandb": run}
    request = native(RequestContext(1, has_wandb_key=True), integrations=[integration])
    assert request.secrets == ("WANDB_API_KEY",)
    assert integrations_of(request.config or {}, request.environment) == [integration]
    assert native(integrations=[integration]).secrets == ()
    assert integrations_of({}, {}) is None


def test_native_fields_are_handed_on() -> None:
    fields: dict[str, Any] = {
        "team": "mt",
        "class": "urgent",
        "priority": 3,
        "held": True,
        "keep_checkpoints": 2,
        "secrets": ["KEY"],
    }
    request = native(**fields, continuation={"max_attempts": 2}, resources={"gpus_per_node": 2})
    assert request.model_dump(by_alias=True, include={"team", "job_class", "priority", "held", "keep_checkpoints"}) == {
        name: value for name, value in fields.items() if name != "secrets"
    }
    assert (request.secrets, request.resources.gpus_per_node) == (("KEY",), 2)


def test_only_a_batch_depends_on_the_processes() -> None:
    assert not asks_for_batch(body(hyperparameters={"n_epochs": 1}))
    assert asks_for_batch(body(method={"type": "dpo", "dpo": {"hyperparameters": {"batch_size": 4}}}))


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"config": {"model_name_or_path": "other"}}, ("model",)),
        ({"validation_file": "file-x", "config": {"eval_dataset": "other"}}, ("validation_file",)),
        ({"integrations": [{"type": "wandb", "wandb": {"project": "a"}}] * 2}, ("integrations",)),
        (
            {
                "hyperparameters": {"n_epochs": 1},
                "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1}}},
            },
            ("hyperparameters",),
        ),
        ({"method": {"type": "reinforcement"}}, ("method", "type")),
        ({"method": {"type": "supervised", "dpo": {}}}, ("method", "dpo")),
        ({"method": {"type": "dpo"}, "recipe": "lora-sft"}, ("method", "type")),
        ({"hyperparameters": {"n_epochs": 1}, "config": {"max_steps": 3}}, ("n_epochs",)),
    ],
)
def test_what_contradicts_itself_is_refused(fields: dict[str, Any], loc: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as refused:
        native(**fields)
    assert refused.value.findings[0].loc == loc


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": {"": "v"}},
        {"metadata": {"k": "a\nb"}},
        {"metadata": {"k" * 65: "v"}},
        {"suffix": "a\nb"},
        {"seed": 2**31},
        {"seed": True},
        {"integrations": [{"type": "wandb", "wandb": {"project": ""}}]},
        {"integrations": [{"type": "wandb", "wandb": {"project": "a", "tags": ["a,b"]}}]},
        {"integrations": [{"type": "mlflow"}]},
        {"lora_rank": 8},
        {"method": {"type": "ppo"}},
    ],
)
def test_what_has_not_the_right_form_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        body(**fields)


@pytest.mark.parametrize("file", ["ds_abc", "file-", "file-results-abc", "file-A"])
def test_what_is_no_file_is_not_found(file: str) -> None:
    with pytest.raises(NotFound):
        native(training_file=file)


@pytest.mark.parametrize(
    ("loc", "own"),
    [
        (("config", "model_name_or_path"), ("model",)),
        (("source_job",), ("model",)),
        (("datasets", 0), ("training_file",)),
        (("config", "stage"), ("training_file",)),
        (("config", "eval_dataset"), ("validation_file",)),
        (("name",), ("suffix",)),
        (("tags", "a"), ("metadata", "a")),
        (("config", "lora_rank"), ("config", "lora_rank")),
        (("resources", "nodes"), ("resources", "nodes")),
    ],
)
def test_findings_are_placed_in_openais_request(loc: tuple[str | int, ...], own: tuple[str | int, ...]) -> None:
    assert with_openai_places([Finding(loc, "wrong")], body())[0].loc == own
