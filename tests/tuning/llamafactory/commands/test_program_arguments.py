from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.commands.program_arguments import GivenArguments, read_arguments
from tuning.llamafactory.commands.written_files import WrittenFiles

YAML = "stage: sft\nlora_rank: 8\noutput_dir: out\n"


def read(*words: str, files: Mapping[str, str] | None = None) -> GivenArguments:
    return read_arguments(words, 7, WrittenFiles({"cfg.yaml": YAML} if files is None else files).find)


def config(*words: str, files: Mapping[str, str] | None = None) -> dict[str, Any]:
    given = read(*words, files=files)
    assert [remark for remark in given.remarks if remark.is_error] == []
    assert given.findings == []
    return given.config


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["--lora_rank", "16"], {"lora_rank": 16}),
        (["--lora-rank=16"], {"lora_rank": 16}),
        (["--bf16", "--stage", "sft"], {"bf16": True, "stage": "sft"}),
        (["--bf16", "False"], {"bf16": False}),
        (["--no_remove_unused_columns"], {"remove_unused_columns": False}),
        (["--lora_target", "q_proj", "v_proj", "--bf16"], {"lora_target": ["q_proj", "v_proj"], "bf16": True}),
        (["--max_steps", "-1", "--val_size", ".1"], {"max_steps": -1, "val_size": 0.1}),
        (["--learning_rate", "1e-5"], {"learning_rate": "1e-5"}),
        (["--run_name", "a: b # c"], {"run_name": "a: b # c"}),
        (["--run_name", "2024-01-01"], {"run_name": "2024-01-01"}),
        (["--deepspeed", '{"zero_optimization": {"stage": 2}}'], {"deepspeed": {"zero_optimization": {"stage": 2}}}),
        (["lora_rank=16", "run_name=a=b", "x="], {"lora_rank": 16, "run_name": "a=b", "x": None}),
        (["a.b.c=1", "a.b.d=2"], {"a": {"b": {"c": 1, "d": 2}}}),
        (["--seed", "007"], {"seed": "007"}),
        (["--seed", "1e400"], {"seed": "1e400"}),
    ],
)
def test_arguments_are_values_of_a_configuration(words: list[str], values: dict[str, Any]) -> None:
    assert config(*words) == values


def test_what_stands_behind_a_file_is_laid_over_it() -> None:
    whole = {"stage": "sft", "lora_rank": 16, "output_dir": "out", "bf16": True}
    assert config("cfg.yaml", "lora_rank=16", "--bf16") == whole
    assert config("--config", "./conf/cfg.yaml", "bf16=true", "lora_rank=16") == whole
    assert config("c.json", "a.b=2", files={"c.json": '{"a": {"b": 1, "c": 1}}'}) == {"a": {"b": 2, "c": 1}}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["other.yaml"], "the configuration other.yaml is not given"),
        (["\ue000$CONFIG\ue000"], "the argument $CONFIG cannot be read: $CONFIG is not set in this text"),
        (["cfg.yaml", "more"], "`more` cannot be read as an argument"),
        (["--model_name_or_path", "\ue000$HOME\ue000/m"], "model_name_or_path cannot be read: $HOME is not set"),
        (["--deepspeed", "conf/ds.json"], "DeepSpeed's file conf/ds.json is not given"),
        (["a"] * 1000, "1000 words"),
        ([".".join("abcdefghijkl") + "=1"], "has more than 10 parts"),
    ],
)
def test_what_cannot_be_read_is_told_at_the_line(words: list[str], says: str) -> None:
    remark = read(*words).remarks[0]
    assert says in remark.message
    assert (remark.line, remark.is_error) == (7, True)


def test_what_packtrain_decides_anyway_may_be_left_open() -> None:
    given = read("--output_dir", "out/\ue000$SLURM_JOB_ID\ue000", "--run_name", "\ue000$(...)\ue000", "--stage", "sft")
    assert given.config == {"stage": "sft"}
    assert [remark.is_error for remark in given.remarks] == [False, False]


def test_a_deepspeed_file_that_is_given_goes_into_the_configuration() -> None:
    files = {"ds.json": '{"bf16": {"enabled": true}}'}
    assert config("--deepspeed", "conf/ds.json", files=files) == {"deepspeed": {"bf16": {"enabled": True}}}
    own = ("zero3", "examples/deepspeed/ds_z3_config.json", "../deepspeed/ds_z3_config.json")
    for known in (*own, "examples/deepspeed/own.json", "/srv/ds.json"):
        assert config("--deepspeed", known) == {"deepspeed": known}


def test_what_is_wrong_in_a_file_is_told_at_its_place_there() -> None:
    given = read("cfg.yaml", files={"conf/cfg.yaml": "a: 1\nb: [1"})
    assert [finding.loc for finding in given.findings] == [("files", "conf/cfg.yaml", 2, 6)]


@given(st.lists(st.text(max_size=12) | st.sampled_from(["--a", "cfg.yaml", "b=1", "\ue000$X\ue000"]), max_size=12))
def test_any_words_are_read_or_refused(words: list[str]) -> None:
    given = read(*words)
    assert all("\ue000" not in str(value) for value in given.config.values())
