from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.arguments.accepted import load_schema
from tuning.llamafactory.arguments.coercion import coerce

ARGUMENTS = load_schema("0.9.5").arguments


@pytest.mark.parametrize(
    ("name", "given_value", "meant"),
    [
        ("learning_rate", "1e-4", 1e-4),
        ("learning_rate", "1.0E-4", 1e-4),
        ("learning_rate", " 5e-5 ", 5e-5),
        ("lora_rank", "8", 8),
        ("max_steps", 100.0, 100),
        ("max_steps", "1e3", 1000),
        ("ddp_timeout", "180000000", 180000000),
        ("bf16", "true", True),
        ("bf16", "Yes", True),
        ("bf16", 0, False),
        ("eval_strategy", False, "no"),
        ("save_strategy", "STEPS", "steps"),
        ("finetuning_type", "LoRA", "lora"),
        ("flash_attn", True, "fa2"),
        ("flash_attn", False, "auto"),
        ("lora_target", ["q_proj", "v_proj"], "q_proj,v_proj"),
        ("dataset", ["a", "b"], "a,b"),
        ("run_name", 2026, "2026"),
        ("quantization_bit", "none", None),
        ("deepspeed", False, None),
        ("label_names", "labels, kto_tags", ["labels", "kto_tags"]),
        ("interleave_probs", [0.5, 0.5], "0.5,0.5"),
        ("warmup_steps", "10", 10.0),
        ("save_steps", "0.5", 0.5),
        ("num_train_epochs", "3", 3.0),
        ("fp16", "off", False),
        ("packing", "none", None),
        ("export_size", "2", 2),
        ("deepspeed", '{"zero_optimization": {"stage": 2}}', {"zero_optimization": {"stage": 2}}),
        ("lr_scheduler_kwargs", {"min_lr": "1e-6"}, {"min_lr": 1e-6}),
    ],
)
def test_values_become_what_people_mean_and_it_is_told(name: str, given_value: Any, meant: Any) -> None:
    coerced = coerce(ARGUMENTS[name], given_value)
    assert (coerced.value, coerced.problem) == (meant, None)
    assert type(coerced.value) is type(meant)
    assert coerced.note is not None
    assert name in coerced.note


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 1e-4),
        ("num_train_epochs", 3),
        ("lora_rank", 8),
        ("bf16", False),
        ("eval_strategy", "no"),
        ("include_num_input_tokens_seen", "no"),
        ("report_to", ["wandb", "tensorboard"]),
        ("report_to", "none"),
        ("quantization_bit", None),
        ("deepspeed", "/configs/z3.json"),
        ("deepspeed", {"train_batch_size": "auto"}),
    ],
)
def test_values_of_the_right_type_pass_in_silence(name: str, value: Any) -> None:
    coerced = coerce(ARGUMENTS[name], value)
    assert (coerced.value, coerced.note, coerced.problem) == (value, None, None)


def test_a_whole_number_becomes_the_float_that_is_expected() -> None:
    assert type(coerce(ARGUMENTS["num_train_epochs"], 3).value) is float


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("learning_rate", "fast", "a number"),
        ("learning_rate", True, "a number"),
        ("learning_rate", [1e-4], "a number"),
        ("lora_rank", 8.5, "a whole number"),
        ("lora_rank", 10**30, None),
        ("learning_rate", float("nan"), None),
        ("bf16", "maybe", "true or false"),
        ("bf16", 2, "true or false"),
        ("finetuning_type", "lara", "did you mean 'lora'?"),
        ("eval_strategy", True, "one of: no, steps, epoch"),
        ("template", {"a": 1}, "text"),
        ("template", True, "quote"),
        ("dataset", [{"a": 1}], "text"),
        ("optim", False, "one of"),
        ("lora_rank", None, "leave it out"),
        ("logging_steps", "", "a number"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(name: str, value: Any, hint: str | None) -> None:
    coerced = coerce(ARGUMENTS[name], value)
    assert coerced.problem is not None
    assert name in coerced.problem
    assert hint is None or hint in (coerced.hint or "")


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["1e-4", "no", "8"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(ARGUMENTS)), anything)
def test_coercing_twice_changes_nothing_more_and_nothing_raises(name: str, value: Any) -> None:
    first = coerce(ARGUMENTS[name], value)
    if first.problem is None:
        second = coerce(ARGUMENTS[name], first.value)
        assert (second.value, second.note, second.problem) == (first.value, None, None)


def test_a_thousand_new_words_are_a_text_that_an_argument_may_have() -> None:
    assert coerce(ARGUMENTS["add_tokens"], "<some_new_word>," * 1000).problem is None
