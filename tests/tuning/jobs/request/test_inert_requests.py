"""No value of any field of a request changes the words of the script or the structure of the configuration."""

import shlex
from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.factories import make_cluster_settings
from tuning.errors import InvalidInput
from tuning.jobs.actions.intake import Surroundings, check_request
from tuning.jobs.attempt.plan import AttemptPlan, RunOf, plan_attempt
from tuning.jobs.request.resources import UNKNOWN_CLUSTER
from tuning.jobs.request.spec import JobRequest, Resources
from tuning.llamafactory.arguments.accepted import load_schema
from tuning.people.models import LAB_TEAM_ID

CONFIG = {"model_name_or_path": "tiny-qwen2", "dataset": "identity", "template": "qwen"}
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
TRAPS = st.sampled_from(
    [
        "$(id)",
        "`id`",
        "a;id",
        "a && id",
        "a' 'b",
        'a" "b',
        "a\n#SBATCH --wrap=id",
        "a\nid",
        "a\\\nid",
        "--wrap=id",
        "{{ run.image }}",
        "${oc.env:HOME}",
        "a\nresume_from_checkpoint: /etc",
        "a: b",
        "- a",
        "!!python/object/apply:os.system [id]",
        "&a [*a]",
        "#",
        "|",
        "no",
        "1e5",
        "a\x00b",
        "\u2028id",
        "\x85id",
        "\r",
        "../../etc",
    ]
)
HOSTILE = TRAPS | st.text(max_size=40) | st.builds("{}{}".format, st.sampled_from(["gpu", "/shared/models/"]), TRAPS)
TEXT_RESOURCES = sorted(set(Resources.model_fields) - {"cluster", "nodes", "gpus_per_node", "cpus_per_gpu"})
ARGUMENTS = sorted(load_schema("0.9.5").arguments)


def planned(**fields: Any) -> AttemptPlan | None:
    """Plan of the run, as the server and the worker have it; None for a refused request."""
    try:
        checked = check_request(JobRequest.model_validate({"config": CONFIG, **fields}), AROUND)
        if checked.errors:
            return None
        assert checked.cluster is not None
        assert checked.config_check is not None
        run = RunOf("job_1", 1, checked.resources, checked.kind, None, checked.request.secrets)
        return plan_attempt(run, checked.config_check, checked.cluster, checked.uploads, checked.view.datasets)
    except (ValidationError, InvalidInput):
        return None


def accepted(**fields: Any) -> AttemptPlan:
    plan = planned(**fields)
    assert plan is not None
    return plan


def directives(script: str) -> dict[str, str]:
    """The options of the #SBATCH lines, each one shell word."""
    words = [shlex.split(line.removeprefix("#SBATCH ")) for line in script.split("\n") if line.startswith("#SBATCH")]
    assert all(len(found) == 1 for found in words)
    return dict(word[0].removeprefix("--").partition("=")[::2] for word in words)


def expected_directives(plan: AttemptPlan) -> dict[str, str]:
    """Those of a plain request; a run that saves no checkpoint when it is told to end is not told."""
    saves = plan.config["enable_jit_checkpoint"]
    return {option: value for option, value in directives(PLAIN.script).items() if saves or option != "signal"}


def program(script: str) -> Sequence[str]:
    """All other lines."""
    return [line for line in script.split("\n") if not line.startswith("#SBATCH")]


PLAIN = accepted()
OPTION = {"memory": "mem", "time_limit": "time", "gpu_type": "gres"}


@pytest.mark.parametrize("field", TEXT_RESOURCES)
@given(value=HOSTILE)
def test_what_is_asked_of_slurm_is_one_word_of_its_own_line(field: str, value: str) -> None:
    plan = planned(resources={field: value})
    if plan is None:
        return
    assert program(plan.script) == program(PLAIN.script)
    option = OPTION.get(field, field)
    found, before = directives(plan.script), directives(PLAIN.script)
    assert found.pop(option) == (f"gpu:{value}:1" if field == "gpu_type" else value)
    before.pop(option, None)
    assert {**found, "signal": ""} == {**before, "signal": ""}


@pytest.mark.parametrize("field", ["name", "tags", "recipe", "kind", "source_job", "depends_on", "datasets"])
@given(value=HOSTILE)
def test_what_is_not_for_slurm_reaches_no_script(field: str, value: str) -> None:
    shaped = {"tags": {"team": value}, "depends_on": [value], "datasets": [value]}.get(field, value)
    plan = planned(**{field: shaped})
    if plan is not None and field in ("name", "tags"):
        assert (plan.script, plan.files) == (PLAIN.script, PLAIN.files)
    elif plan is not None:
        assert directives(plan.script) == directives(PLAIN.script)


@given(value=HOSTILE)
def test_a_secrets_name_is_one_word(value: str) -> None:
    plan = planned(secrets=[value])
    if plan is None:
        return
    changed = [line for line in program(plan.script) if line not in program(PLAIN.script)]
    assert [shlex.split(line) for line in changed] == [["secrets=(", value, ")"]]


@given(
    name=st.sampled_from(ARGUMENTS), value=HOSTILE | st.lists(HOSTILE, max_size=3) | st.dictionaries(HOSTILE, HOSTILE)
)
@example(name="enable_jit_checkpoint", value="no")
def test_an_argument_stays_a_value_and_never_reaches_the_script(name: str, value: Any) -> None:
    plan = planned(config={**CONFIG, name: value})
    if plan is None:
        return
    assert directives(plan.script) == expected_directives(plan)
    read = yaml.safe_load(plan.files["config.yaml"])
    assert repr(read) == repr(dict(plan.config))
    assert set(read) <= set(ARGUMENTS)


@given(value=HOSTILE)
def test_free_text_comes_out_of_the_configuration_as_it_went_in(value: str) -> None:
    for fields in ({"config": {**CONFIG, "run_name": value}}, {"config": None, "config_yaml": _as_yaml(value)}):
        plan = planned(**fields)
        if plan is not None:
            assert yaml.safe_load(plan.files["config.yaml"])["run_name"] == value
            assert program(plan.script) == program(PLAIN.script)


def _as_yaml(value: str) -> str:
    return yaml.safe_dump({**CONFIG, "run_name": value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("partition", "gpu-2"),
        ("constraint", "ib&(a|b)"),
        ("exclude", "n[3-5],n7"),
        ("memory", "64G"),
        ("time_limit", "2-00:00:00"),
    ],
)
def test_good_values_are_not_what_the_others_pass_by(field: str, value: str) -> None:
    assert value in directives(accepted(resources={field: value}).script).values()
    assert yaml.safe_load(accepted(config={**CONFIG, "run_name": "a: b"}).files["config.yaml"])["run_name"] == "a: b"
    assert "secrets=( HF_TOKEN )" in accepted(secrets=["HF_TOKEN"]).script
