import json
import math
from dataclasses import asdict
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.config.schedule import Cadence, TrainingPlan, plan_of


@pytest.mark.parametrize(
    ("cadence", "first", "last", "count"),
    [
        (Cadence(20, "steps", at_end=True), 1, 90, 5),  # 20, 40, 60, 80 and the last step
        (Cadence(20, "steps", at_end=True), 1, 80, 4),
        (Cadence(20, "steps", at_end=True), 20, 39, 1),
        (Cadence(20, "steps", at_end=True), 21, 39, 0),
        (Cadence(20, "steps", at_end=False), 81, 90, 0),
        (Cadence(45, "steps", at_end=True), 1, 90, 2),
        (Cadence(0.25, "steps", at_end=True), 1, 90, 4),  # every 23 steps: 23, 46, 69 and the last
        (Cadence(1, "epochs", at_end=False), 1, 90, 3),
        (Cadence(1, "epochs", at_end=False), 31, 59, 0),
        (Cadence(20, "steps", at_end=True), 91, 90, 0),
    ],
)
def test_what_is_still_to_come_is_counted(cadence: Cadence, first: int, last: int, count: int) -> None:
    assert cadence.count(first, last, total=90, steps_per_epoch=30.0) == count


def test_epochs_of_unknown_length_are_not_counted() -> None:
    assert Cadence(1, "epochs", at_end=False).count(1, 90, total=90, steps_per_epoch=None) == 0


@pytest.mark.parametrize("every", [1e308, math.inf, math.nan, 0.0, -1.0])
def test_what_is_no_number_of_epochs_never_comes(every: float) -> None:
    cadence = Cadence(every, "epochs", at_end=False)
    assert cadence.count(1, 10**6, 10**6, 100.0) == 0
    assert math.isfinite(cadence.period_steps(10**6, 100.0) or 0)


def test_the_plan_of_a_configuration() -> None:
    config = {"logging_steps": 5, "eval_strategy": "steps", "eval_steps": 20, "save_steps": 500, "val_size": 0.1}
    assert plan_of(config) == TrainingPlan(
        logging_steps=5,
        evaluation=Cadence(20, "steps", at_end=True),
        saving=Cadence(500, "steps", at_end=True),
        evaluates_at_end=True,
        eval_epoch_share=0.35 * 0.1 / (1 - 0.1),
    )


def test_transformers_own_defaults_are_known() -> None:
    plan = plan_of({"logging_steps": 5, "eval_strategy": "steps", "save_strategy": "no"})
    assert plan.evaluation == Cadence(5, "steps", at_end=True)
    assert plan.saving is None
    assert plan_of({}) == TrainingPlan(logging_steps=500, saving=Cadence(500, "steps", at_end=True))


def test_by_epochs() -> None:
    plan = plan_of({"eval_strategy": "epoch", "save_strategy": "epoch"})
    assert plan.evaluation == plan.saving == Cadence(1, "epochs", at_end=False)


def test_evaluation_samples_are_worth_steps() -> None:
    config = {"val_size": 160, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}
    assert plan_of(config, processes=2).eval_steps_worth == pytest.approx(3.5)


@pytest.mark.parametrize(("logging_steps", "between"), [(10, 10), (0.01, 4), (0.0001, 1)])
def test_the_steps_between_two_lines(logging_steps: float, between: int) -> None:
    assert TrainingPlan(logging_steps=logging_steps).steps_between_lines(375) == between


@given(
    st.floats() | st.integers(-(2**63), 2**63) | st.sampled_from([0, math.nan, math.inf, 1e300, 5e-324]),
    st.integers(0, 2**31 - 1),
    st.none() | st.floats(1, 1e12),
)
def test_whatever_number_a_row_holds_something_is_counted(every: float, total: int, per_epoch: float | None) -> None:
    assert TrainingPlan(logging_steps=every).steps_between_lines(total) >= 1
    units: tuple[Literal["steps", "epochs"], ...] = ("steps", "epochs")
    for unit in units:
        cadence = Cadence(every, unit, at_end=True)
        assert 0 <= cadence.count(1, total, total, per_epoch) <= total + 1
    config = {"logging_steps": every, "save_steps": every, "eval_steps": every, "eval_strategy": "steps"}
    json.dumps(asdict(plan_of({**config, "val_size": every})), allow_nan=False)


@pytest.mark.parametrize(
    ("finetuning_type", "elsewhere", "seconds"),
    [("lora", None, 0.5), ("full", None, 20.0), ("freeze", None, 20.0), ("full", 95.5, 95.5), ("lora", -0.5, 0.0)],
)
def test_a_save_is_expected_to_take_what_others_like_it_took(
    finetuning_type: str, elsewhere: float | None, seconds: float
) -> None:
    plan = plan_of({"do_train": True, "finetuning_type": finetuning_type}, save_seconds_elsewhere=elsewhere)
    assert plan.save_seconds == seconds


def test_predictions_neither_save_nor_evaluate() -> None:
    plan = plan_of({"do_predict": True, "do_train": False, "save_steps": 500, "val_size": 0.1})
    assert plan == TrainingPlan(logging_steps=5)


def test_a_training_that_predicts_too_has_the_plan_of_a_training() -> None:
    assert plan_of({"do_predict": True, "do_train": True}).saving == Cadence(500, "steps", at_end=True)
