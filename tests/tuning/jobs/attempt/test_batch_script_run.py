"""The batch script as a program: what it starts, records, and does at signals."""

import hashlib
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.tuning.datasets.archive.archives import as_tar
from tests.tuning.stand_in_node import Node
from tuning.slurm.attempt_records import parse_data_sums, parse_exit, parse_resumed, parse_started
from tuning.ssh.file_listing import parse_files


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
    assert [(file.path, file.size_bytes) for file in files.files] == [("adapter_model.safetensors", 8)]
    assert not (node.attempt / "cache").exists()
    assert list(node.scratch.iterdir()) == []


def test_archives_of_data_are_unpacked_for_the_run_alone(tmp_path: Path) -> None:
    name = f"{'ab' * 32}.tar"
    node = Node(tmp_path, archives=(name,))
    (node.root / "datasets" / name).write_bytes(as_tar({"media/ab/rows.jsonl": b"{}", "media/ab/1.jpg": b"jpg"}))
    (node.attempt / "data").mkdir()
    code, _ = node.run(f"cp {node.attempt}/data/media/ab/1.jpg {node.output}/seen")
    assert (code, (node.output / "seen").read_bytes()) == (0, b"jpg")
    assert list((node.attempt / "data").iterdir()) == []


def test_an_archive_that_cannot_be_unpacked_ends_the_run(tmp_path: Path) -> None:
    name = f"{'ab' * 32}.tar"
    node = Node(tmp_path, archives=(name,))
    (node.root / "datasets" / name).write_bytes(b"no tar at all" * 100)
    (node.attempt / "data").mkdir()
    code, stderr = node.run("echo never")
    assert (code, node.ran.exists()) == (74, False)
    assert f"the data with its media, {node.root}/datasets/{name}, cannot be unpacked" in stderr


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


@pytest.mark.parametrize("name", ["APPTAINER_BIND", "SINGULARITY_BINDPATH", "APPTAINER_MOUNT", "APPTAINERENV_KEY"])
def test_what_the_sites_profile_tells_apptainer_is_forgotten(node: Node, name: str) -> None:
    node.environment = {name: "/home", "APPTAINER_TMPDIR": "/scratch/a"}
    node.run("true")
    names = {line.partition("=")[0] for line in Path(f"{node.ran}.env").read_text().splitlines()}
    assert name not in names
    assert "APPTAINER_TMPDIR" in names


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


@pytest.mark.parametrize("slurm_restarts", ["0", "1"])
def test_what_the_same_job_has_done_is_not_done_again(node: Node, slurm_restarts: str) -> None:
    node.run("exit 0")
    record = (node.attempt / "exit").read_bytes()
    node.ran.unlink()
    assert node.run("exit 1", SLURM_RESTART_COUNT=slurm_restarts)[0] == 0
    assert not node.ran.exists()
    assert (node.attempt / "exit").read_bytes() == record


def test_a_run_that_only_saved_goes_on_when_slurm_starts_it_again(node: Node) -> None:
    node.run(f"touch {node.attempt}/stop; exit 0")
    node.ran.unlink()
    assert node.run("exit 4", SLURM_RESTART_COUNT="1")[0] == 4


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
    deadline = time.monotonic() + 60
    while not node.ran.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    ended = parse_exit((node.attempt / "exit").read_bytes())
    assert ended
    assert (process.returncode, ended.exit_code) == (9, 9)


def test_a_warning_makes_the_file_that_the_training_looks_for(node: Node) -> None:
    process = node.start(f"until [ -e {node.attempt}/stop ]; do sleep 0.05; done")
    deadline = time.monotonic() + 60
    while not node.ran.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=120)
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


def test_a_further_attempt_sets_broken_checkpoints_aside(node: Node) -> None:
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


def test_data_that_nobody_has_a_hash_of_is_hashed_beside_the_run(tmp_path: Path) -> None:
    names = ("identity.json", "it's.json")
    for name in names:
        (tmp_path / name).write_text(name)
    node = Node(tmp_path / "node", data_files=(str(tmp_path / names[0]), str(tmp_path / "gone.json")))
    sums = node.attempt / "data-sums"
    assert node.run(f"for _ in {{1..200}}; do [ ! -e {sums} ] || exit 0; sleep 0.1; done; exit 1")[0] == 0
    assert parse_data_sums(sums.read_bytes()) == (hashlib.sha256(names[0].encode()).hexdigest(),)


def test_a_run_of_uploads_alone_hashes_nothing(node: Node) -> None:
    node.run("true")
    assert "hash_data" not in node.spooled.read_text()
    assert not (node.attempt / "data-sums").exists()


def save_checkpoint(folder: Path, state: str) -> None:
    folder.mkdir(parents=True)
    (folder / "trainer_state.json").write_text(state)
    (folder / "model.bin").write_bytes(b"\x80")


EARLIER = "jobs/job_0/output/checkpoint-50"


def test_a_run_goes_on_from_the_checkpoint_of_an_earlier_job(tmp_path: Path) -> None:
    node = Node(tmp_path, resume=EARLIER, own_places=("jobs/job_1", "jobs/job_0/output"))
    save_checkpoint(node.root / EARLIER, '{"global_step": 50}')
    code, stderr = node.run("true")
    assert code == 0, stderr
    assert node.ran.read_text() == (f"train {node.attempt}/config.yaml resume_from_checkpoint={node.root}/{EARLIER}\n")
    assert parse_resumed((node.attempt / "resumed").read_bytes()) == 50


def test_its_own_checkpoint_comes_before_that_of_the_earlier_job(tmp_path: Path) -> None:
    node = Node(tmp_path, resume=EARLIER)
    save_checkpoint(node.root / EARLIER, '{"global_step": 50}')
    save_checkpoint(node.output / "checkpoint-60", '{"global_step": 60}')
    assert node.run("true")[0] == 0
    assert node.ran.read_text() == f"train {node.attempt}/config.yaml\n"
    assert parse_resumed((node.attempt / "resumed").read_bytes()) == 60


@pytest.mark.parametrize("state", [None, '{"global_step": 49}'])
def test_a_checkpoint_that_is_gone_or_not_whole_is_said_and_nothing_is_run(tmp_path: Path, state: str | None) -> None:
    node = Node(tmp_path, resume=EARLIER)
    if state is not None:
        save_checkpoint(node.root / EARLIER, state)
    code, stderr = node.run("true")
    assert code == 65
    assert f"packtrain: the job cannot go on from {node.root}/{EARLIER}: " in stderr
    assert not node.ran.exists()


def test_no_link_is_followed_to_a_checkpoint(tmp_path: Path) -> None:
    node = Node(tmp_path, resume=EARLIER)
    save_checkpoint(tmp_path / "elsewhere", '{"global_step": 50}')
    (node.root / EARLIER).parent.mkdir(parents=True)
    (node.root / EARLIER).symlink_to(tmp_path / "elsewhere")
    assert node.run("true")[0] == 65
    assert f"{EARLIER}:ro" not in Path(f"{node.ran}.arguments").read_text()
