"""The batch script where a site does things in its own way."""

import os
import shlex
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.factories import make_cluster_settings
from tests.tuning.stand_in_node import Node
from tuning.jobs.attempt.batch_script import Directives, RunPlan, directives_of, render_script
from tuning.jobs.attempt.mounts import container_view
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


def test_what_a_site_asks_of_every_job_is_among_what_slurm_reads() -> None:
    options = {"licenses": "matlab@db:2", "mail-type": "FAIL", "mail-user": "ops@lab.example.org", "tmp": "50G"}
    lines = directives_of(script_of(SiteSettings(sbatch_options=options))).splitlines()
    assert {f"#SBATCH --{name}={value}" for name, value in options.items()} <= set(lines)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("HF_HOME", "{cache}/hf"),
        ("HF_DATASETS_CACHE", "{cache}/datasets"),
        ("XDG_CACHE_HOME", "{cache}"),
        ("MPLCONFIGDIR", "{cache}/matplotlib"),
        ("TRITON_CACHE_DIR", "{cache}/triton"),
        ("TORCHINDUCTOR_CACHE_DIR", "{cache}/inductor"),
        ("TORCH_EXTENSIONS_DIR", "{cache}/extensions.0"),
        ("WANDB_DIR", "{output}"),
    ],
)
def test_a_folder_that_programs_write_to_is_the_attempts_unless_the_operator_names_it(
    tmp_path: Path, name: str, place: str
) -> None:
    node = Node(tmp_path / "ours", environment={})
    assert node.run("true")[0] == 0
    assert environment_of(node)[f"APPTAINERENV_{name}"] == place.format(
        cache=f"{node.attempt}/cache", output=node.output
    )
    node = Node(tmp_path / "theirs", environment={name: "/shared/kept"})
    assert node.run("true")[0] == 0
    assert environment_of(node)[f"APPTAINERENV_{name}"] == "/shared/kept"


def test_the_checkout_is_shown_read_only(tmp_path: Path) -> None:
    view = container_view(make_cluster_settings(llamafactory_checkout="/shared/LLaMA-Factory"), "job_1", [], None)
    node = Node(tmp_path, binds=view.binds)
    assert node.run("true")[0] == 0
    words = Path(f"{node.ran}.arguments").read_text().split()
    assert words[words.index("/shared/LLaMA-Factory:/mnt:ro") - 1] == "--bind"


def test_temporary_files_lie_where_the_site_has_room(tmp_path: Path) -> None:
    node = Node(tmp_path, site=SiteSettings(scratch=f"{tmp_path}/local/${{SLURM_JOB_ID}}"))
    (tmp_path / "local/7").mkdir(parents=True)
    assert node.run("true")[0] == 0
    workdir = Path(f"{node.ran}.arguments").read_text().partition("--workdir ")[2].split()[0]
    assert workdir.startswith(f"{tmp_path}/local/7/packtrain-")
    assert [*(tmp_path / "local/7").iterdir()] == []


def test_a_node_without_the_sites_folder_says_which(tmp_path: Path) -> None:
    node = Node(tmp_path, site=SiteSettings(scratch=f"{tmp_path}/local/${{NOT_THERE}}/x"))
    code, stderr = node.run("true")
    assert code == 73
    assert f"no private folder can be made in {tmp_path}/local//x on " in stderr
    assert not node.ran.exists()


def test_kernels_are_compiled_anew_by_each_attempt_unless_told(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.run("true")
    assert environment_of(node)["APPTAINERENV_TRITON_CACHE_DIR"] == f"{node.attempt}/cache/triton"
    assert not (node.root / "compiled").exists()


def test_kernels_may_lie_on_the_node_and_go_with_the_run(tmp_path: Path) -> None:
    node = Node(tmp_path, site=SiteSettings(compile_cache="node"))
    assert node.run("true")[0] == 0
    for name, place in (("TRITON_CACHE_DIR", "triton"), ("TORCH_EXTENSIONS_DIR", "extensions.0")):
        assert environment_of(node)[f"APPTAINERENV_{name}"] == f"{node.root}/compiled/{place}"
    source = compiled_of(node)
    assert source.is_relative_to(node.scratch)
    assert not source.exists()
    assert not (node.root / "compiled").exists()


def test_kernels_may_be_kept_for_all_runs_of_an_image(tmp_path: Path) -> None:
    node = Node(tmp_path, site=SiteSettings(compile_cache="image"))
    node.run("true")
    first = compiled_of(node)
    (node.attempt / "exit").unlink()
    (first / "fresh").mkdir()
    for name, age_seconds in (("lock", 7200), ("kernel", 7200), ("fresh/lock", 60)):
        (first / name).touch()
        os.utime(first / name, (time.time() - age_seconds,) * 2)
    node.run("true")
    assert compiled_of(node) == first
    assert sorted(path.name for path in first.rglob("*") if path.is_file()) == ["kernel", "lock"]
    assert (first / "fresh/lock").exists()
    (node.attempt / "exit").unlink()
    node.image.write_bytes(b"built anew")
    node.run("true")
    assert compiled_of(node) != first


@pytest.mark.parametrize("planted", ["compiled", "compiled/x"])
def test_a_folder_of_kernels_that_cannot_be_made_stops_no_run(tmp_path: Path, planted: str) -> None:
    node = Node(tmp_path, site=SiteSettings(compile_cache="image"))
    node.run("true")
    digest = compiled_of(node).name
    (node.attempt / "exit").unlink()
    place = node.root / planted.replace("x", digest)
    shutil.rmtree(place)
    (tmp_path / "elsewhere").mkdir()
    place.symlink_to(tmp_path / "elsewhere")
    code, stderr = node.run("true")
    assert code == 0
    assert "this run compiles for itself" in stderr
    assert compiled_of(node).is_relative_to(node.scratch)


def test_srun_gets_the_sites_words_before_the_program() -> None:
    options = {"cpu-bind": "mask_cpu:0xff,0xff00", "mem-bind": "local", "gpu-bind": "closest", "accel-bind": "gn"}
    words = "--cpu-bind=mask_cpu:0xff,0xff00 --mem-bind=local --gpu-bind=closest --accel-bind=gn"
    assert f" --kill-on-bad-exit=1 {words} bash -c " in script_of(SiteSettings(srun_options=options))


def test_files_are_written_with_the_sites_umask(tmp_path: Path) -> None:
    node = Node(tmp_path, site=SiteSettings(umask="007"))
    assert node.run(f"touch {node.output}/adapter")[0] == 0
    assert [oct((folder).stat().st_mode & 0o777) for folder in (node.output / "adapter", node.attempt / "exit")] == [
        "0o660",
        "0o660",
    ]


def test_runs_have_the_sites_limits(tmp_path: Path) -> None:
    site = SiteSettings(ulimits={"core": 0, "nofile": 777})
    node = Node(tmp_path, site=site)
    code, stderr = node.run(f"(ulimit -c; ulimit -n) >{node.output}/limits")
    assert (code, stderr) == (0, "")
    assert (node.output / "limits").read_text() == "0\n777\n"


def test_a_limit_that_a_node_refuses_is_told_and_the_run_goes_on(tmp_path: Path) -> None:
    node = Node(tmp_path, site=SiteSettings(ulimits={"nofile": 10**12}))
    code, stderr = node.run("true")
    assert code == 0
    assert " refuses: ulimit -n 1000000000000\n" in stderr
    assert node.ran.exists()


def test_runs_reach_hubs_as_the_switch_says(tmp_path: Path) -> None:
    site = SiteSettings(hub="http://proxy:3128")
    node = Node(tmp_path, site=site, environment={"HF_DATASETS_OFFLINE": "1", "WANDB_API_KEY": "k"})
    assert node.run("true")[0] == 0
    inside = {name.removeprefix("APPTAINERENV_"): value for name, value in environment_of(node).items()}
    assert (inside["HF_HUB_OFFLINE"], inside["WANDB_MODE"]) == ("0", "online")
    assert inside["HF_DATASETS_OFFLINE"] == "1"
    assert inside["https_proxy"] == "http://proxy:3128"


def test_wandb_goes_online_with_a_secret_of_the_users() -> None:
    def environment(secrets: tuple[str, ...]) -> str:
        script = render_script(Directives("60"), replace(RUN, site=SiteSettings(hub="online"), secrets=secrets))
        return next(line for line in script.splitlines() if line.startswith("  environment=("))

    assert " WANDB_MODE=online " in environment(("WANDB_API_KEY",))
    assert " WANDB_MODE=offline " in environment(("HF_TOKEN",))


def compiled_of(node: Node) -> Path:
    words = Path(f"{node.ran}.arguments").read_text().split()
    (bind,) = [words[at + 1] for at, word in enumerate(words) if word == "--bind" and "compiled" in words[at + 1]]
    source, place = bind.split(":")
    assert place == f"{node.root}/compiled"
    return Path(source)
