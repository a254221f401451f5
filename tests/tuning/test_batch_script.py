"""The batch script: as text, and as a program with stand-ins for srun, apptainer and scontrol."""

import fcntl
import hashlib
import os
import re
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.batch_script import Directives, RunPlan, render_script
from tuning.errors import InvalidInput
from tuning.llamafactory.inside import PROGRAMS_FILE, programs
from tuning.slurm.records import parse_exit, parse_files, parse_resumed, parse_started

GOLDEN = Path(__file__).parents[1] / "golden"
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
STAND_INS = {
    # As the real ones: srun kills its tasks when it is asked to end, and scancel's signal is the tasks'.
    "srun": """while [ "$1" != bash ]; do shift; done
        trap 'kill -KILL $task; exit 137' TERM
        SLURM_NODEID=0 "$@" & task=$!; echo $task >"$RAN.task"; wait $task""",
    "scancel": 'kill "-${1#--signal=}" "$(cat "$RAN.task")"',
    "scontrol": "echo n1",
    "getent": '[ "$2" = "${RESOLVES-n1}" ]',
    "apptainer": """echo "$@" >"$RAN.arguments"; env >"$RAN.env"; ls -R "$TMPDIR" >"$RAN.scratch"
        while [ "$1" != python3 ]; do shift; done
        while IFS= read -r line; do export "$line"; done < <(env | sed -n 's/^APPTAINERENV_PACKTRAIN_/PACKTRAIN_/p')
        exec "$@\"""",
    "llamafactory-cli": 'trap "exit 9" TERM; echo "$@" >"$RAN"; eval "$PAYLOAD"',
}


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


class Node:
    """A folder that stands for a compute node: the rendered script, and stand-ins for what it calls."""

    def __init__(self, folder: Path, gpus_per_node: int = 1, **more: Any) -> None:
        self.root, self.image, self.ran = folder / "root", folder / "image.sif", folder / "ran"
        self.attempt, self.output = self.root / "jobs/job_1/1", self.root / "jobs/job_1/output"
        self.attempt.mkdir(parents=True)
        (self.root / "datasets").mkdir()
        (self.attempt / PROGRAMS_FILE).write_bytes(programs())
        self.image.touch()
        self.scratch = folder / "scratch"
        for name in ("bin", "scratch"):
            (folder / name).mkdir()
        for name, body in STAND_INS.items():
            (folder / "bin" / name).write_text(f"#!/bin/bash\n{body}\n")
            (folder / "bin" / name).chmod(0o755)
        flag = more.pop("gpu_flag", "--nv")
        run = RunPlan(
            root=str(self.root),
            attempt_directory=str(self.attempt),
            output_directory=str(self.output),
            image=str(self.image),
            workdir="/mnt",
            gpu_flag=flag,
            environment={"A": "x y,z"},
        )
        directives = Directives("10", gpus_per_node=gpus_per_node, cpus_per_gpu=2)
        self.spooled = folder / "slurm_script"
        self.spooled.write_text(render_script(directives, replace(run, **more)))
        self.path = f"{folder / 'bin'}:{os.environ['PATH']}"

    def start(self, payload: str, slurm_job_id: int = 7, **more: str) -> subprocess.Popen[str]:
        environment: Mapping[str, str] = {
            "PATH": self.path,
            "RAN": str(self.ran),
            "PAYLOAD": payload,
            "SLURM_JOB_ID": str(slurm_job_id),
            "SLURM_JOB_NUM_NODES": "1",
            "SLURM_JOB_NODELIST": "n1",
            "CUDA_VISIBLE_DEVICES": "0,1",
            "PYTHONPATH": "/evil",
            "TMPDIR": str(self.scratch),
            **more,
        }
        return subprocess.Popen(["bash", str(self.spooled)], env=dict(environment), text=True, stderr=subprocess.PIPE)

    def run(self, payload: str, slurm_job_id: int = 7, **more: str) -> tuple[int, str]:
        process = self.start(payload, slurm_job_id, **more)
        _, stderr = process.communicate(timeout=20)
        return process.returncode, stderr


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_it_runs_the_container_and_records_how_it_ended(node: Node) -> None:
    code, _ = node.run(f"echo weights >{node.output}/adapter_model.safetensors; exit 3")
    assert code == 3
    config = node.attempt / "config.yaml"
    assert node.ran.read_text() == f"train {config}\n"
    arguments = Path(f"{node.ran}.arguments").read_text()
    assert arguments.startswith(f"exec --contain --cleanenv --no-home --no-eval --pid --ipc --workdir {node.scratch}/")
    program = f"llamafactory-cli train {config}"
    assert arguments.endswith(f" {node.image} python3 {node.attempt}/inside.pyz launch {program}\n")
    started, ended = (
        parse_started((node.attempt / "started").read_bytes()),
        parse_exit((node.attempt / "exit").read_bytes()),
    )
    assert started
    assert ended
    assert (started.slurm_job_id, ended.slurm_job_id, ended.exit_code, ended.restart) == (7, 7, 3, 0)
    files = parse_files((node.attempt / "files").read_bytes())
    assert [(file.path, file.size_bytes) for file in files] == [("adapter_model.safetensors", 8)]
    assert not (node.attempt / "cache").exists()
    assert list(node.scratch.iterdir()) == []


def test_only_what_is_named_goes_into_the_container(node: Node) -> None:
    node.run("true")
    inside = dict(
        line.removeprefix("APPTAINERENV_").split("=", 1)
        for line in Path(f"{node.ran}.env").read_text().splitlines()
        if line.startswith("APPTAINERENV_")
    )
    assert (inside["A"], inside["CUDA_VISIBLE_DEVICES"]) == ("x y,z", "0,1")
    assert inside["PYTHONPATH"] == f"{node.attempt}/inside.pyz"
    assert not {"FORCE_TORCHRUN", "NNODES"} & set(inside)


def test_several_gpus_start_torchrun(tmp_path: Path) -> None:
    node = Node(tmp_path, gpus_per_node=2)
    node.run("true")
    environment = Path(f"{node.ran}.env").read_text()
    for line in (
        "FORCE_TORCHRUN=1",
        "NNODES=1",
        "NODE_RANK=0",
        "NPROC_PER_NODE=2",
        "MASTER_ADDR=n1",
        "MASTER_PORT=20007",
    ):
        assert f"APPTAINERENV_{line}\n" in environment


def test_deepspeed_needs_torchrun_for_one_process_too(tmp_path: Path) -> None:
    node = Node(tmp_path, gpus_per_node=0, needs_torchrun=True)
    node.run("true")
    environment = Path(f"{node.ran}.env").read_text()
    assert "APPTAINERENV_FORCE_TORCHRUN=1\n" in environment
    assert "APPTAINERENV_NPROC_PER_NODE=1\n" in environment


def test_several_nodes_without_gpus_are_as_many_processes(tmp_path: Path) -> None:
    node = Node(tmp_path, gpus_per_node=0)
    node.run("true", SLURM_JOB_NUM_NODES="2")
    assert "APPTAINERENV_NNODES=2\n" in Path(f"{node.ran}.env").read_text()


def test_an_export_runs_its_own_command(tmp_path: Path) -> None:
    node = Node(tmp_path, command="export")
    node.run("true")
    assert node.ran.read_text() == f"export {node.attempt / 'config.yaml'}\n"


def test_a_check_runs_our_own_program_and_not_llamafactory(tmp_path: Path) -> None:
    node = Node(tmp_path, command="check", gpus_per_node=0, gpu_flag="none")
    node.run("true")
    assert not node.ran.exists()
    arguments = Path(f"{node.ran}.arguments").read_text()
    assert arguments.endswith(f" launch python3 {node.attempt}/check.pyz {node.attempt}/check.json\n")
    assert "--nv" not in arguments


@pytest.mark.parametrize("value", ["it's $(id >ran) `id`", 'x\\n"y"', "line\n\nlast\n", "ключ 鍵"])
def test_a_secret_arrives_as_it_is_and_leaves_with_the_run(tmp_path: Path, value: str) -> None:
    node = Node(tmp_path, secrets=("WANDB_API_KEY",))
    (node.attempt / "secrets").mkdir()
    (node.attempt / "secrets/WANDB_API_KEY").write_text(value)
    node.run(f'printf %s "$WANDB_API_KEY" >{node.output}/seen')
    assert (node.output / "seen").read_text() == value
    assert "WANDB_API_KEY=" not in Path(f"{node.ran}.env").read_text()
    assert not (node.attempt / "secrets").exists()
    assert value not in node.spooled.read_text()


def test_a_secret_that_is_gone_is_said_and_nothing_is_run(tmp_path: Path) -> None:
    node = Node(tmp_path, secrets=("WANDB_API_KEY",))
    code, stderr = node.run("true")
    assert code == 78
    assert "the secret WANDB_API_KEY is no longer on the cluster" in stderr
    assert not node.ran.exists()


@given(text=st.text(max_size=20))
def test_no_name_of_a_secret_is_program_text(text: str) -> None:
    try:
        script = render_script(ALL, replace(RUN, secrets=(text,)))
    except InvalidInput:
        return
    assert f"  secrets=( {text} )\n" in script


def test_a_first_node_that_nobody_knows_by_its_slurm_name_goes_by_its_own(tmp_path: Path) -> None:
    node = Node(tmp_path, gpus_per_node=2)
    node.run("true", RESOLVES="other")
    assert f"APPTAINERENV_MASTER_ADDR={socket.gethostname()}\n" in Path(f"{node.ran}.env").read_text()


def test_a_second_job_with_the_same_attempt_runs_nothing(node: Node) -> None:
    assert node.run("true")[0] == 0
    node.ran.unlink()
    record = (node.attempt / "exit").read_bytes()
    code, stderr = node.run("true", slurm_job_id=8)
    assert code == 75
    assert "belongs to 7, not to 8" in stderr
    assert not node.ran.exists()
    assert (node.attempt / "exit").read_bytes() == record


def test_an_abandoned_attempt_never_runs(node: Node) -> None:
    (node.attempt / "claim").symlink_to("abandoned")
    assert node.run("true")[0] == 75
    assert not node.ran.exists()


def test_slurm_may_start_the_same_job_again(node: Node) -> None:
    node.run("exit 1")
    assert node.run("exit 0", SLURM_RESTART_COUNT="1")[0] == 0
    ended = parse_exit((node.attempt / "exit").read_bytes())
    assert ended
    assert (ended.restart, ended.exit_code) == (1, 0)


def test_what_an_earlier_start_of_the_same_job_left_does_not_end_the_next(node: Node) -> None:
    """A run that was asked to stop, and was put back by Slurm instead: it would stop at once again, and again."""
    for name in ("stop", "exit"):
        (node.attempt / name).write_text("exit_code=0\n")
    code, _ = node.run(f"ls {node.attempt} >{node.output}/seen; exit 4", SLURM_RESTART_COUNT="1")
    ended = parse_exit((node.attempt / "exit").read_bytes())
    assert ended
    assert (code, ended.exit_code, ended.was_stopped) == (4, 4, False)
    assert not {"stop", "exit"} & set((node.output / "seen").read_text().split())


def test_it_records_how_long_its_growing_files_are(node: Node) -> None:
    (node.attempt / "stdout.log").write_text("12345")
    node.run(f"echo '{{}}' >{node.output}/trainer_log.jsonl")
    ended = parse_exit((node.attempt / "exit").read_bytes())
    assert ended
    assert ended.stream_bytes == {"stdout": 5, "stderr": 0, "trainer_log": 3}


def test_it_records_its_start_by_the_clock_of_the_file_system(node: Node) -> None:
    node.run(f"touch -d @1000 {node.attempt}/started")
    ended = parse_exit((node.attempt / "exit").read_bytes())
    assert ended
    assert ended.files_since_epoch == 1000


def test_a_missing_image_is_said_and_recorded(node: Node) -> None:
    node.image.unlink()
    code, stderr = node.run("true")
    assert code == 66
    assert re.search(r"packtrain: the training image .*image\.sif is missing", stderr)
    ended = parse_exit((node.attempt / "exit").read_bytes())
    assert ended
    assert ended.exit_code == 66


def test_a_termination_reaches_the_payload_and_its_answer_is_waited_for(node: Node) -> None:
    process = node.start("sleep 3 2>/dev/null & wait")
    deadline = time.monotonic() + 10
    while not node.ran.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    ended = parse_exit((node.attempt / "exit").read_bytes())
    assert ended
    assert (process.returncode, ended.exit_code) == (9, 9)


def test_a_warning_makes_the_file_that_the_training_looks_for_and_is_recorded(node: Node) -> None:
    process = node.start(f"until [ -e {node.attempt}/stop ]; do sleep 0.05; done")
    deadline = time.monotonic() + 10
    while not node.ran.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=20)
    ended = parse_exit((node.attempt / "exit").read_bytes())
    assert ended
    assert (process.returncode, ended.exit_code, ended.was_stopped) == (0, 0, True)


def test_a_run_that_was_not_warned_says_so(node: Node) -> None:
    node.run("true")
    ended = parse_exit((node.attempt / "exit").read_bytes())
    assert ended
    assert not ended.was_stopped


def test_a_first_attempt_owns_the_output_and_looks_for_no_checkpoints(node: Node) -> None:
    node.run("true")
    assert Path(f"{node.output}.owner").readlink() == node.attempt
    assert not (node.attempt / "resumed").exists()


def test_a_further_attempt_sets_broken_checkpoints_aside_and_says_where_it_goes_on(node: Node) -> None:
    for step, state in ((8, '{"global_step": 8}'), (9, '{"global')):
        folder = node.output / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "trainer_state.json").write_text(state)
        (folder / "model.bin").write_bytes(b"\x80")
    Path(f"{node.output}.owner").symlink_to("somebody")
    code, stderr = node.run("true")
    assert (code, parse_resumed((node.attempt / "resumed").read_bytes())) == (0, 8), stderr
    assert [path.name for path in node.output.iterdir()] == ["checkpoint-8"]
    assert [path.name for path in (node.output.parent / "set-aside").iterdir()] == ["checkpoint-9.1"]
    assert Path(f"{node.output}.owner").readlink() == node.attempt


def binds_of(node: Node) -> list[str]:
    words = Path(f"{node.ran}.arguments").read_text().split()
    return [words[at + 1] for at, word in enumerate(words) if word == "--bind"]


def test_of_our_own_folder_only_the_jobs_own_places_are_shown(tmp_path: Path) -> None:
    node = Node(tmp_path, own_places=("jobs/job_1", "datasets/ab12.jsonl", "jobs/job_gone/output"))
    (node.root / "datasets/ab12.jsonl").touch()
    node.run("true")
    view, *shown = binds_of(node)
    assert re.fullmatch(rf"{node.scratch}/packtrain-[0-9]+\.\w+/view:{node.root}:ro", view)
    job, data = node.root / "jobs/job_1", node.root / "datasets/ab12.jsonl"
    writable = [str(node.output), str(node.attempt / "cache")]
    assert shown == [f"{job}:{job}:ro", f"{data}:{data}:ro", *writable]
    assert "ab12.jsonl" in Path(f"{node.ran}.scratch").read_text()


def test_a_link_among_the_own_places_is_not_shown(tmp_path: Path) -> None:
    node = Node(tmp_path, own_places=("jobs/job_2/output", "datasets/ab12.jsonl"))
    (node.root / "jobs/job_2").mkdir()
    (node.root / "jobs/job_2/output").symlink_to(tmp_path)
    (node.root / "datasets/ab12.jsonl").symlink_to(node.image)
    node.run("true")
    assert [bind for bind in binds_of(node) if "job_2" in bind or "ab12" in bind] == []


@pytest.mark.parametrize("named", ["", "root", "link", "link/root"])
def test_our_own_folder_is_hidden_in_whatever_else_is_bound(tmp_path: Path, named: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    source = (tmp_path / named).as_posix()
    node = Node(tmp_path, binds=(f"{source}:/seen:ro",))
    node.run("true")
    hidden = [bind.split(":", 1)[1] for bind in binds_of(node) if "/empty:" in bind]
    assert hidden == [("/seen" if named.endswith("root") else "/seen/root") + ":ro"]


def test_a_folder_beside_ours_is_bound_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "root-models").mkdir()
    node = Node(tmp_path, binds=(f"{tmp_path}/root-models:/models:ro",))
    node.run("true")
    assert [bind for bind in binds_of(node) if "/empty:" in bind] == []


def test_the_tasks_run_what_slurm_was_given(node: Node) -> None:
    """A script in a shared folder could be another one by then."""
    (node.attempt / "job.sh").write_text(f"touch {node.root}/taken\n")
    assert node.run("true")[0] == 0
    assert node.ran.exists()
    assert not (node.root / "taken").exists()


def test_what_a_killed_run_left_on_the_node_is_removed_by_the_next(node: Node) -> None:
    left = node.scratch / f"packtrain-{os.getuid()}.killed"
    locked = node.scratch / f"packtrain-{os.getuid()}.running"
    for folder in (left, locked):
        (folder / "tmp/closed").mkdir(parents=True)
        (folder / "tmp/closed").chmod(0)
        (folder / "lock").touch()
    with (locked / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        node.run("true")
    assert [path.name for path in node.scratch.iterdir()] == [locked.name]


def test_a_check_hands_over_what_has_the_hash_of_its_name(tmp_path: Path) -> None:
    node = Node(tmp_path, command="check", gpus_per_node=0, gpu_flag="none")
    good, digest = b'{"a": 1}\n', hashlib.sha256(b'{"a": 1}\n').hexdigest()
    content = node.attempt / "cache/content"
    (node.attempt / "check.pyz").write_text(
        f"import os, pathlib\ncontent = pathlib.Path({str(content)!r})\ncontent.mkdir()\n"
        f"(content / '{digest}.jsonl').write_bytes({good!r})\n"
        f"os.symlink({str(node.image)!r}, content / '{'a' * 64}.jsonl')\n(content / 'other').touch()\n"
    )
    assert node.run("")[0] == 0
    assert [path.name for path in (node.root / "datasets").iterdir()] == [f"{digest}.jsonl"]


def test_a_check_that_hands_over_another_content_has_failed(tmp_path: Path) -> None:
    node = Node(tmp_path, command="check", gpus_per_node=0, gpu_flag="none")
    content = node.attempt / "cache/content"
    (node.attempt / "check.pyz").write_text(
        f"import pathlib\ncontent = pathlib.Path({str(content)!r})\ncontent.mkdir()\n"
        f"(content / '{'a' * 64}.jsonl').write_bytes(b'x')\n"
    )
    assert node.run("")[0] == 74
    assert list((node.root / "datasets").iterdir()) == []
