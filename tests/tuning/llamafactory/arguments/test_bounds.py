"""Numbers of configurations are bounded where they enter."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuning.llamafactory.arguments.accepted import known_versions, load_schema
from tuning.llamafactory.arguments.bounds import BOUNDED, MAX_ITEMS, MAX_TEXT_CHARACTERS, bound_of, is_inside
from tuning.llamafactory.arguments.ownership import NOT_DONE, TAKEN_OVER
from tuning.llamafactory.arguments.paths import AllowedPlaces
from tuning.llamafactory.config.check import ConfigContext, check_config
from tuning.llamafactory.config.model_size import parse_model_config
from tuning.llamafactory.config.schedule import plan_of
from tuning.llamafactory.memory.estimate import estimate_memory
from tuning.llamafactory.progress.eta import estimate
from tuning.llamafactory.progress.eta_state import EtaState
from tuning.llamafactory.progress.learning import advance
from tuning.llamafactory.progress.trainer_log import parse_log

CONFIG = {"model_name_or_path": "tiny-llama", "template": "llama3", "dataset": "identity"}
PLACES = AllowedPlaces(("/models",), {"tiny-llama": "/models/tiny-llama"})
SCHEMA = load_schema()
NUMERIC = sorted(BOUNDED & SCHEMA.arguments.keys() - TAKEN_OVER.keys() - NOT_DONE.keys())
SHAPE = parse_model_config(
    json.dumps({"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64, "intermediate_size": 128,
                "vocab_size": 32000, "num_attention_heads": 4})
)  # fmt: skip
ABSURD: tuple[Any, ...] = (
    1e12, 10**14, 2**63, 10**30, 10**5000, -(2**63), 1e308, math.nan, math.inf, -math.inf, "1e400", "1e12", "9" * 39,
)  # fmt: skip


def problems(**config: Any) -> dict[str, str | None]:
    """The hints of the errors, by argument."""
    checked = check_config({**CONFIG, **config}, ConfigContext(places=PLACES))
    return {str(finding.loc[1]): finding.hint for finding in checked.errors}


@pytest.mark.parametrize("version", known_versions())
def test_every_numeric_argument_has_a_bound_that_its_default_keeps(version: str) -> None:
    numeric = [one for one in load_schema(version).arguments.values() if one.types & {"int", "float"}]
    assert {one.name for one in numeric} <= BOUNDED
    defaults = {one.name: one.default for one in numeric if isinstance(one.default, int | float)}
    assert [name for name, value in defaults.items() if not is_inside(bound_of(name), value)] == []


@pytest.mark.parametrize("name", NUMERIC)
def test_a_number_beyond_any_run_is_refused_with_its_place(name: str) -> None:
    bound = bound_of(name)
    for value in ABSURD:
        is_beyond = not isinstance(value, int | float) or not is_inside(bound, value)
        if is_beyond and not (isinstance(value, str) and bound.most >= float(value)):
            assert name in problems(**{name: value}), value


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("max_steps", 100_000_000_000_000, "give a number from 0 to 1000000000: at a thousand steps a second"),
        ("max_steps", -(2**63), "give a number from 0 to 1000000000: at a thousand steps a second"),
        ("logging_steps", 100_000_000_000, "give a number from 0 to 1000000000: at a thousand steps a second"),
        ("num_train_epochs", 1e12, "give a number from 0 to 1000000: a million epochs"),
        ("warmup_ratio", -2, "give a number from 0 to 1: it is a share of all steps"),
        ("ddp_timeout", 0, "give a number from 1 to 1000000000000: it counts seconds"),
        ("seed", 2**32, "give a number from 0 to 4294967295: numpy seeds with 32 bits"),
        ("top_p", 1.5, "give a number from 0 to 1: torch and transformers"),
        ("lora_target", "x" * (MAX_TEXT_CHARACTERS + 1), "at most 10000"),
        ("add_tokens", "x" * 40_001, "at most 40000"),
        ("label_names", ["x"] * (MAX_ITEMS + 1), "give what one run can use"),
        ("lr_scheduler_kwargs", {"a": {"b": 10**30}}, "give what one run can use"),
        ("lr_scheduler_kwargs", '{"a": 1e400}', "give what one run can use"),
        ("lr_scheduler_kwargs", '{"a": NaN}', "give what one run can use"),
        ("lr_scheduler_kwargs", '{"a\\u0000": 1}', "remove it"),
    ],
)
def test_a_refusal_says_what_to_give(name: str, value: Any, hint: str) -> None:
    found = problems(**{name: value})[name]
    assert found is not None
    assert found.startswith(hint)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_steps", -1),
        ("save_steps", 1_000_000_000),
        ("logging_steps", 0.05),
        ("ddp_timeout", 180_000_000),
        ("max_samples", 100_000_000_000),
        ("cutoff_len", 1_048_576),
        ("num_train_epochs", 10_000),
    ],
)
def test_what_people_really_write_passes(name: str, value: float) -> None:
    assert name not in problems(**{name: value})


@pytest.mark.parametrize("name", sorted(SCHEMA.arguments))
def test_every_argument_may_have_any_absurd_value(name: str) -> None:
    for value in ABSURD:
        checked = check_config({**CONFIG, name: value}, ConfigContext(places=PLACES))
        json.dumps(checked.config, allow_nan=False)


_ANY = st.one_of(st.floats(), st.integers(-(10**40), 10**40), st.sampled_from(ABSURD), st.text(max_size=20), st.none())


@given(
    st.dictionaries(st.sampled_from(sorted(SCHEMA.arguments)), _ANY, max_size=12), st.sampled_from(["train", "predict"])
)
@settings(max_examples=300)
def test_whatever_is_written_the_check_and_the_estimates_end_well(config: dict[str, Any], kind: Any) -> None:
    assert SHAPE is not None
    context = ConfigContext(
        places=PLACES, kind=kind, model_shapes={"/models/tiny-llama": SHAPE}, gpu_memory_bytes=2**30
    )
    checked = check_config({**CONFIG, **config}, context)
    json.dumps(checked.config, allow_nan=False)
    if checked.memory is not None:
        assert 0 <= checked.memory.total < 2**60
    if not checked.errors:
        plan = plan_of({**checked.defaults, **checked.config})
        line = b'{"current_steps": 5, "total_steps": 9, "epoch": 0.5, "loss": 1.0, "elapsed_time": "0:01:00"}\n'
        progress = estimate(advance(EtaState(), parse_log(line).points, 1e9, plan), 1e9 + 5)
        assert all(math.isfinite(value) for value in vars(progress).values() if value is not None)


@given(st.dictionaries(st.sampled_from(NUMERIC), st.one_of(st.floats(), st.integers(-(2**63), 2**63)), max_size=8))
def test_an_operators_own_numbers_break_no_estimate(arguments: dict[str, Any]) -> None:
    assert SHAPE is not None
    said = {**SCHEMA.defaults, **arguments, "do_train": True}
    assert 0 <= estimate_memory(SHAPE, said).total < 2**60
    plan_of(said)
