"""Hyperparameters become arguments and come back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from server.openai.fine_tuning.hyperparameters import (
    Basis,
    DpoHyperparameters,
    Hyperparameters,
    arguments_of,
    hyperparameters_of,
)
from tuning.errors import InvalidInput

RECIPE = {
    "num_train_epochs": 3.0,
    "learning_rate": 1e-4,
    "per_device_train_batch_size": 1,
    "gradient_accumulation_steps": 8,
}
DPO = {**RECIPE, "stage": "dpo", "pref_beta": 0.1}

PROCESSES = st.integers(1, 64)
EPOCHS = st.integers(1, 50)
MULTIPLIERS = st.floats(1e-6, 10_000, allow_nan=False)


@given(EPOCHS, st.integers(1, 256), MULTIPLIERS, st.floats(1e-6, 2), PROCESSES, st.integers(1, 64))
def test_what_is_asked_for_comes_back(
    n_epochs: int, each: int, multiplier: float, beta: float, processes: int, at_once: int
) -> None:
    size = each * processes
    if size > 256:
        return
    recipe = {**DPO, "per_device_train_batch_size": at_once}
    values = {"n_epochs": n_epochs, "batch_size": size, "learning_rate_multiplier": multiplier, "beta": beta}
    asked = DpoHyperparameters.model_validate(values)
    config = {**recipe, **arguments_of(asked, Basis(recipe, {}, processes))}
    shown = hyperparameters_of(config, recipe, processes)
    assert shown == {**values, "learning_rate_multiplier": pytest.approx(multiplier)}
    assert config["per_device_train_batch_size"] <= at_once


@given(PROCESSES)
def test_auto_leaves_the_recipes_own_values(processes: int) -> None:
    assert arguments_of(Hyperparameters(), Basis(RECIPE, {}, processes)) == {}
    shown = hyperparameters_of(RECIPE, RECIPE, processes)
    assert shown == {"n_epochs": 3, "batch_size": 8 * processes, "learning_rate_multiplier": 1.0}


def test_a_multiplier_has_no_digits_of_its_own() -> None:
    asked = Hyperparameters(learning_rate_multiplier=3)
    assert arguments_of(asked, Basis(RECIPE, {}, 1)) == {"learning_rate": 0.0003}


def test_a_batch_is_made_of_what_a_gpu_takes_at_once() -> None:
    basis = Basis(RECIPE, {"per_device_train_batch_size": 4}, 2)
    assert arguments_of(Hyperparameters(batch_size=24), basis) == {
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 3,
    }


def test_a_batch_that_processes_cannot_share_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        arguments_of(Hyperparameters(batch_size=3), Basis(RECIPE, {}, 2))
    assert refused.value.findings[0].hint == "give a multiple of 2: so many processes train together"


@pytest.mark.parametrize(
    ("name", "value", "argument"),
    [
        ("n_epochs", 1, "num_train_epochs"),
        ("n_epochs", 1, "max_steps"),
        ("batch_size", 8, "gradient_accumulation_steps"),
        ("learning_rate_multiplier", 2, "learning_rate"),
        ("beta", 1, "pref_beta"),
    ],
)
def test_the_same_said_twice_is_refused(name: str, value: Any, argument: str) -> None:
    asked = DpoHyperparameters.model_validate({name: value})
    with pytest.raises(InvalidInput) as refused:
        arguments_of(asked, Basis(DPO, {argument: 1}, 1))
    assert refused.value.findings[0].loc == (name,)


BAD: list[tuple[str, Any]] = [
    ("n_epochs", 0),
    ("n_epochs", 1000),
    ("n_epochs", 2.5),
    ("n_epochs", True),
    ("n_epochs", "many"),
    ("n_epochs", None),
    ("batch_size", 0),
    ("batch_size", 257),
    ("learning_rate_multiplier", 0),
    ("learning_rate_multiplier", -1.0),
    ("learning_rate_multiplier", float("nan")),
    ("learning_rate_multiplier", float("inf")),
    ("beta", 0),
    ("beta", 2.1),
    ("gamma", 1),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_what_no_run_can_have_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        DpoHyperparameters.model_validate({name: value})


@pytest.mark.parametrize("config", [{"num_train_epochs": 0.5}, {"max_steps": 20}])
def test_epochs_that_openai_cannot_say_are_auto(config: dict[str, Any]) -> None:
    assert hyperparameters_of({**RECIPE, **config}, RECIPE, 1)["n_epochs"] == "auto"


def test_a_silent_configuration_has_the_programs_own_values() -> None:
    assert hyperparameters_of({}, {}, 1) == {"n_epochs": 3, "batch_size": 8, "learning_rate_multiplier": 1.0}
