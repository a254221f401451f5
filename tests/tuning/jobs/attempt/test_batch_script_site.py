"""The batch script where a site does things in its own way."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.tuning.stand_in_node import Node
from tuning.jobs.attempt.batch_script import Directives, RunPlan, directives_of, render_script
from tuning.site_settings import SiteSettings

RUN = RunPlan(
    root="/shared/packtrain",
    attempt_directory="/shared/packtrain/jobs/job_1/2",
    output_directory="/shared/packtrain/jobs/job_1/output",
    image="/shared/images/llamafactory.sif",
    workdir="/mnt",
    gpu_flag="--nv",
)


def script_of(site: SiteSettings, directives: Directives | None = None) -> str:
    return render_script(directives or Directives("60", gpus_per_node=2), replace(RUN, site=site))


def environment_of(node: Node) -> dict[str, str]:
    return dict(line.split("=", 1) for line in Path(f"{node.ran}.env").read_text().splitlines() if "=" in line)


def test_the_prelude_runs_in_the_batch_and_in_the_task(tmp_path: Path) -> None:
    lines = (f'echo "${{SLURM_PROCID:-batch}} it\'s $PWD" >>{tmp_path}/seen', "export SITE=$UNSET; cd /", "set -e")
    node = Node(tmp_path, site=SiteSettings(prelude=lines))
    assert node.run("true")[0] == 0
    assert (tmp_path / "seen").read_text() == f"batch it's {node.attempt}\n" * 2
    assert environment_of(node)["SITE"] == ""


def test_the_prelude_can_bring_the_container_command(tmp_path: Path) -> None:
    node = Node(tmp_path, site=SiteSettings(prelude=(f"export PATH={tmp_path}/modules:$PATH",)))
    (tmp_path / "modules").mkdir()
    (tmp_path / "bin/apptainer").rename(tmp_path / "modules/apptainer")
    assert node.run("true")[0] == 0
    assert node.ran.exists()


@pytest.mark.parametrize("line", ["module load nothing", "if", "(exit 3)", "}"])
def test_a_prelude_that_fails_is_told_and_nothing_is_run(tmp_path: Path, line: str) -> None:
    node = Node(tmp_path, site=SiteSettings(prelude=("cd /", line)))
    code, stderr = node.run("true")
    assert code == 69
    assert f": {line}\n" in stderr.partition("packtrain: the prelude failed on ")[2]
    assert not node.ran.exists()
    assert "exit_code=69" in (node.attempt / "exit").read_text()


def test_what_the_prelude_leaves_in_our_variables_is_put_right(tmp_path: Path) -> None:
    lines = ("attempt=/nowhere image=/nowhere", "export APPTAINER_BIND=/home APPTAINERENV_KEY=x")
    node = Node(tmp_path, site=SiteSettings(prelude=lines))
    assert node.run("true")[0] == 0
    assert not {"APPTAINER_BIND", "APPTAINERENV_KEY"} & set(environment_of(node))


@pytest.mark.parametrize(
    ("command", "prefix"), [("singularity", "SINGULARITYENV_"), ("{bin}/apptainer-1.3", "APPTAINERENV_")]
)
def test_the_container_command_is_the_sites(tmp_path: Path, command: str, prefix: str) -> None:
    command = command.format(bin=tmp_path / "bin")
    node = Node(tmp_path, site=SiteSettings(container_command=command))
    stand_in = (tmp_path / "bin/apptainer").read_text().replace("APPTAINERENV_", prefix)
    (tmp_path / "bin/apptainer").unlink()
    (tmp_path / "bin" / Path(command).name).write_text(stand_in)
    (tmp_path / "bin" / Path(command).name).chmod(0o755)
    assert node.run("true")[0] == 0
    assert node.ran.exists()
    assert environment_of(node)[f"{prefix}WANDB_DIR"] == str(node.output)


@given(line=st.text(max_size=60))
def test_a_line_of_the_prelude_stays_one_shell_word(line: str) -> None:
    try:
        script = script_of(SiteSettings(prelude=(line,)))
    except ValidationError:
        return
    loop = next(text for text in script.split("\n") if text.startswith("  for prelude_line in "))
    assert shlex.split(loop.removeprefix("  for prelude_line in ").removesuffix("; do")) == [line]


@pytest.mark.parametrize(
    ("gpu_request", "gpu_type", "asked"),
    [
        ("gres", "a100", "--gres=gpu:a100:2"),
        ("gpus-per-node", "a100", "--gpus-per-node=a100:2"),
        ("gpus-per-node", None, "--gpus-per-node=2"),
        ("none", "a100", None),
    ],
)
def test_gpus_are_asked_for_in_the_sites_way(gpu_request: str, gpu_type: str | None, asked: str | None) -> None:
    site = SiteSettings.model_validate({"gpu_request": gpu_request})
    script = directives_of(script_of(site, Directives("60", gpus_per_node=2, gpu_type=gpu_type)))
    found = [line.removeprefix("#SBATCH ") for line in script.splitlines() if "gpu" in line]
    assert found == ([asked] if asked else [])


def test_the_sites_options_are_among_what_slurm_reads() -> None:
    site = SiteSettings(sbatch_options={"reservation": "class", "exclusive": True, "contiguous": False})
    lines = directives_of(script_of(site)).splitlines()
    assert [line for line in lines if "reserv" in line or "excl" in line or "contig" in line] == [
        "#SBATCH --reservation=class",
        "#SBATCH --exclusive",
    ]
