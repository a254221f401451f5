import shlex
from pathlib import Path

import pytest

from ops.doctor.check import Check
from ops.doctor.trial import run_trial, submit_script
from tests.ops.doctor.login_node import BOUNDARY, SLURM, make_cluster, make_login_node
from tuning.settings import PartitionDefaults


def _trial(home: Path, programs: dict[str, str]) -> tuple[Check, list[float]]:
    pauses: list[float] = []
    (home / "root").mkdir()
    node = make_login_node(home, {**SLURM, **programs}, banner="Welcome\n")
    return run_trial(node, make_cluster(home), BOUNDARY, pauses.append), pauses


def _submits(home: Path, log: str) -> str:
    return f"echo 'sbatch: warning'; printf '%s\\n' {log} > {home}/root/doctor-42.log; echo '42;lab'"


def test_the_job_gets_the_defaults_of_real_ones(tmp_path: Path) -> None:
    defaults = PartitionDefaults(partition="gpu", account="mt", qos="high", gpus_per_node=2)
    script = submit_script(make_cluster(tmp_path, defaults=defaults))
    for part in ("--partition=gpu", "--account=mt", "--qos=high", "--gpus-per-node=1", "--pid --ipc --nv", "--time=1"):
        assert part in script
    bare = submit_script(make_cluster(tmp_path, container_gpu_flag="none", defaults=PartitionDefaults(gpus_per_node=0)))
    for part in ("--partition", "--account", "--gpus-per-node", "--nv"):
        assert part not in bare


def test_the_job_has_the_site_s_own_options_and_prelude(tmp_path: Path) -> None:
    cluster = make_cluster(
        tmp_path,
        prelude=("module load x 'y'",),
        container_command="/opt/bin/singularity",
        gpu_request="none",
        sbatch_options={"reservation": "class", "exclusive": True},
    )
    words = shlex.split(submit_script(cluster))
    assert {"--reservation=class", "--exclusive"} <= set(words)
    assert not [word for word in words if word.startswith("--gpus-per-node")]
    wrapped = shlex.split(words[-1].removeprefix("--wrap="))
    assert wrapped[:2] == ["bash", "-c"]
    assert wrapped[2].startswith("""eval 'module load x '"'"'y'"'"'' && { /opt/bin/singularity exec """)


def test_a_job_that_works_is_waited_for_and_its_log_removed(tmp_path: Path) -> None:
    squeue = (
        f'echo x >> {tmp_path}/n; [ $(wc -l < {tmp_path}/n) -gt 2 ] && echo "COMPLETED None" || echo "RUNNING None"'
    )
    check, pauses = _trial(tmp_path, {"sbatch": _submits(tmp_path, "packtrain-doctor-worked"), "squeue": squeue})
    assert check == Check("test job", "ok", "Slurm job 42 started the image on a compute node")
    assert pauses == [5, 5, 5]
    assert list((tmp_path / "root").iterdir()) == []


@pytest.mark.parametrize(("squeue", "state"), [("echo 'FAILED NonZeroExitCode'", "FAILED"), ("exit 1", "somehow")])
def test_a_job_that_fails_is_told_with_its_last_line(tmp_path: Path, squeue: str, state: str) -> None:
    check, _ = _trial(
        tmp_path, {"sbatch": _submits(tmp_path, "FATAL: no such image".replace(" ", "-")), "squeue": squeue}
    )
    assert (check.result, check.detail) == ("failed", f"Slurm job 42 ended {state}: FATAL:-no-such-image")


def test_a_job_that_never_starts_is_cancelled_after_ten_minutes(tmp_path: Path) -> None:
    programs = {"squeue": "echo 'PENDING Priority'", "scancel": f"echo $1 > {tmp_path}/cancelled"}
    check, pauses = _trial(tmp_path, {"sbatch": _submits(tmp_path, "x"), **programs})
    assert (check.result, check.detail) == ("warning", "42 was still PENDING after 10 min (Priority): cancelled")
    assert sum(pauses) == 600
    assert (tmp_path / "cancelled").read_text(encoding="utf-8") == "42\n"


def test_a_refused_job_is_told_in_slurms_words(tmp_path: Path) -> None:
    check, _ = _trial(tmp_path, {"sbatch": "echo 'sbatch: error: invalid partition' >&2; exit 1"})
    assert (check.result, check.detail) == ("failed", "sbatch: error: invalid partition")
