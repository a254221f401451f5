"""The batch script as text."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.errors import InvalidInput
from tuning.jobs.attempt.batch_script import Directives, RunPlan, directives_of, render_script
from tuning.site_settings import SiteSettings

GOLDEN = Path(__file__).parents[3] / "golden"
ALL = Directives(
    time_limit="1-02:03:04",
    nodes=2,
    gpus_per_node=4,
    cpus_per_gpu=8,
    gpu_type="a100",
    partition="gpu",
    memory="64G",
    account="lab",
    qos="high",
    constraint="ib&(a|b)",
    exclude="n[3-5],n7",
    warning_seconds=120,
)
RUN = RunPlan(
    root="/shared/packtrain",
    attempt_directory="/shared/packtrain/jobs/job_1/2",
    output_directory="/shared/packtrain/jobs/job_1/output",
    image="/shared/images/llamafactory.sif",
    workdir="/mnt",
    gpu_flag="--nv",
    binds=("/shared/LLaMA-Factory:/mnt:ro", "/shared/models:/shared/models:ro"),
    own_places=("jobs/job_1", "datasets/ab12.jsonl"),
    environment={"HF_HOME": "/shared/it's $(here)"},
)
LEAST = replace(RUN, gpu_flag="none", binds=(), own_places=(), environment={}, command="export")


@pytest.mark.parametrize(
    ("name", "directives", "run"),
    [
        ("everything.sh", ALL, replace(RUN, secrets=("WANDB_API_KEY",), needs_torchrun=True)),
        ("least.sh", Directives("60", gpus_per_node=0), LEAST),
    ],
)
def test_the_script_is_the_one_that_was_looked_at(name: str, directives: Directives, run: RunPlan) -> None:
    assert render_script(directives, run) == (GOLDEN / name).read_text()


@pytest.mark.parametrize("field", ["partition", "gpu_type", "memory", "time_limit", "account", "qos", "exclude"])
@pytest.mark.parametrize("value", ["a b", "a\nb", "a;b", "$(id)", "a\n", "--wrap=id", "", "١"])
def test_nothing_but_the_vetted_reaches_a_directive(field: str, value: str) -> None:
    wanted: dict[str, Any] = {field: value}
    with pytest.raises(InvalidInput):
        render_script(replace(ALL, **wanted), RUN)


@given(text=st.text(max_size=40))
def test_no_value_changes_the_lines_of_the_script(text: str) -> None:
    lines = render_script(ALL, RUN).count("\n")
    for field in ("partition", "constraint", "memory"):
        wanted: dict[str, Any] = {field: text}
        try:
            script = render_script(replace(ALL, **wanted), RUN)
        except InvalidInput:
            continue
        assert script.count("\n") == lines
        assert f"={text}\n" in script


@given(value=st.text(max_size=60))
def test_an_environment_value_stays_one_shell_word(value: str) -> None:
    try:
        script = render_script(ALL, replace(RUN, environment={"NAME": value}))
    except InvalidInput:
        return
    line = next(line for line in script.split("\n") if line.startswith("  environment=("))
    assert shlex.split(line.strip().removeprefix("environment=(").removesuffix(")")) == [f"NAME={value}"]


@given(text=st.text(max_size=20))
def test_no_name_of_a_secret_is_program_text(text: str) -> None:
    try:
        script = render_script(ALL, replace(RUN, secrets=(text,)))
    except InvalidInput:
        return
    assert f"  secrets=( {text} )\n" in script


@pytest.mark.parametrize(
    "name", ["../x.tar", f"{'ab' * 32}.tar.gz", f"{'ab' * 32}.jsonl", "$(rm).tar", f"{'ab' * 32}.tar\n"]
)
def test_what_is_no_archive_of_ours_is_not_unpacked(name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be the name of an archive"):
        render_script(ALL, replace(RUN, archives=(name,)))


def test_a_job_may_have_options_of_its_own_and_the_operators_hold_over_them() -> None:
    options: dict[str, bool | int | str] = {
        "reservation": "course",
        "exclusive": True,
        "contiguous": False,
        "nodelist": "n1",
    }
    site = SiteSettings(sbatch_options={"nodelist": "n[2-3]"})
    lines = directives_of(render_script(replace(ALL, options=options), replace(RUN, site=site))).splitlines()
    assert {"#SBATCH --reservation=course", "#SBATCH --exclusive", "#SBATCH --nodelist=n[2-3]"} <= set(lines)
    assert not any("contiguous" in line or "nodelist=n1" in line for line in lines)


@pytest.mark.parametrize("options", [{"wrap": "id"}, {"reservation": "a b"}, {"reservation": "a\nb"}, {"licenses": ""}])
def test_no_other_option_reaches_a_directive(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        render_script(replace(ALL, options=options), RUN)


@pytest.mark.parametrize(("field", "value"), [("partition", "gpu,preempt"), ("memory", "0")])
def test_several_partitions_and_all_memory_may_be_asked_for(field: str, value: str) -> None:
    wanted: dict[str, Any] = {field: value}
    option = {"memory": "mem"}.get(field, field)
    assert f"#SBATCH --{option}={value}\n" in render_script(replace(ALL, **wanted), RUN)
