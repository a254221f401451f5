"""A command or script of a request as a configuration and resources."""

from typing import Any

import pytest

from tests.factories import make_cluster_settings
from tuning.jobs.actions.checked_request import CheckedRequest
from tuning.jobs.actions.intake import Surroundings, check_request
from tuning.jobs.request.commands import read_command
from tuning.jobs.request.resources import UNKNOWN_CLUSTER
from tuning.jobs.request.spec import JobRequest
from tuning.people.models import LAB_TEAM_ID

YAML = "model_name_or_path: tiny-qwen2\ndataset: identity\ntemplate: qwen\n"
FILES = {"cfg.yaml": YAML}
LINE = "llamafactory-cli train cfg.yaml"
AROUND = Surroundings(
    clusters={"lab": make_cluster_settings()},
    view_of=lambda _name: UNKNOWN_CLUSTER,
    uploads=lambda _ids: [],
    uploads_by_name=lambda _names: {},
    model_aliases=lambda _cluster: {},
    jobs=lambda _ids: {},
    team_of=lambda name: LAB_TEAM_ID if name in (None, "lab") else None,
    team_name=lambda _id: "lab",
    missing_secrets=lambda _names: [],
)


def checked(**fields: Any) -> CheckedRequest:
    return check_request(JobRequest.model_validate(fields), AROUND)


def places(**fields: Any) -> list[tuple[str | int, ...]]:
    """Places of the errors."""
    return [finding.loc for finding in checked(**fields).errors]


def test_a_command_is_checked_as_the_configuration_that_it_stands_for() -> None:
    found = checked(command=f"{LINE} lora_rank=16", files=FILES)
    assert (found.errors, found.kind, found.config["lora_rank"]) == ((), "train", 16)
    assert places(command=f"{LINE} lora_rnak=16", files=FILES) == [("config", "lora_rnak")]


def test_a_script_says_resources_and_a_name_where_the_request_is_silent() -> None:
    script = f"#!/bin/sh\n#SBATCH -J theirs -p gpu -N 2 --gpus-per-node=4\n{LINE}\n"
    found = checked(script=script, files=FILES)
    assert (found.errors, found.name) == ((), "theirs")
    asked = {name: found.resources[name] for name in ("partition", "nodes", "gpus_per_node")}
    assert asked == {"partition": "gpu", "nodes": 2, "gpus_per_node": 4}
    other = checked(script=script, files=FILES, name="mine", resources={"nodes": 1})
    assert (other.name, other.resources["nodes"], other.resources["partition"]) == ("mine", 1, "gpu")


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"script": "#SBATCH -t never\nllamafactory-cli train cfg.yaml"}, ("script", 1)),
        ({"script": "#SBATCH -N 1\n#SBATCH -p '$(id)'\nllamafactory-cli train cfg.yaml"}, ("script", 2)),
        ({"script": "#SBATCH --gpus=99999\nllamafactory-cli train cfg.yaml"}, ("script", 1)),
        ({"command": "echo"}, ("command",)),
        ({"command": "llamafactory-cli train gone.yaml"}, ("command", 1)),
        ({"command": LINE, "kind": "export"}, ("kind",)),
        ({"command": LINE, "config": {}}, ("command",)),
        ({"command": LINE, "config_yaml": "a: 1"}, ("command",)),
        ({"command": LINE, "script": LINE}, ("script",)),
        ({"config_yaml": YAML}, ("files",)),
        ({"command": f"{LINE} 'a={{b: {{c: {'9' * 30}}}}}'"}, ("command", "a", "b", "c")),
        ({"command": "echo", "recipe": "lora-sft"}, ("command",)),
    ],
)
def test_what_cannot_be_taken_is_told_once_at_its_place(fields: dict[str, Any], loc: tuple[Any, ...]) -> None:
    assert places(**fields, files=FILES) == [loc]


def test_what_has_no_field_is_left_out_with_a_warning() -> None:
    found = checked(script=f"#SBATCH --licenses=a\n#SBATCH -J 'a\tb'\n{LINE}", files=FILES)
    assert found.errors == ()
    assert [finding.loc for finding in found.warnings] == [("script", 1), ("script",)]


def test_the_kind_of_a_command_is_the_jobs() -> None:
    words = "--model_name_or_path tiny-qwen2 --adapter_name_or_path /shared/models/a --export_dir x --template qwen"
    assert checked(command=f"llamafactory-cli export {words}").kind == "export"
    assert checked(config_yaml=YAML.replace("dataset", "eval_dataset") + "do_predict: true").kind == "predict"
    assert checked(config={"model_name_or_path": "m", "export_dir": "x"}).kind == "export"


def test_a_request_without_a_command_is_left_as_it_is() -> None:
    request = JobRequest(config={"a": 1})
    assert read_command(request) == (request, ())


def test_variables_that_a_run_may_have_are_taken_over() -> None:
    script = f"#!/bin/bash\nexport WANDB_PROJECT=mt NCCL_DEBUG=INFO\nexport LD_PRELOAD=x\nOMP_NUM_THREADS=4 {LINE}\n"
    found = checked(script=script, files=FILES)
    assert found.errors == ()
    assert found.request.environment == {"WANDB_PROJECT": "mt", "NCCL_DEBUG": "INFO", "OMP_NUM_THREADS": "4"}
    assert ["LD_PRELOAD" in warning.message for warning in found.warnings].count(True) == 1
    assert not any("NCCL_DEBUG" in warning.message for warning in found.warnings)


def test_what_the_request_says_of_a_variable_holds_over_the_script() -> None:
    script = f"#!/bin/bash\nexport WANDB_PROJECT=mt\n{LINE}\n"
    found = checked(script=script, files=FILES, environment={"WANDB_PROJECT": "other"})
    assert found.request.environment == {"WANDB_PROJECT": "other"}


@pytest.mark.parametrize("value", ["$HOME/x", "verbose", "$(id)"])
def test_a_variable_with_an_odd_or_unknown_value_is_told_and_left_out(value: str) -> None:
    found = checked(script=f"#!/bin/bash\nexport NCCL_DEBUG={value}\n{LINE}\n", files=FILES)
    assert (found.errors, found.request.environment) == ((), {})
    assert any("NCCL_DEBUG is not taken over" in warning.message for warning in found.warnings)
