"""The batch script as a program: what its container sees, and what it leaves on the node and among the contents."""

import fcntl
import hashlib
import os
import re
from pathlib import Path

import pytest

from tests.tuning.stand_in_node import Node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


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


def test_an_output_that_is_a_link_is_not_used(node: Node, tmp_path: Path) -> None:
    node.output.symlink_to(tmp_path)
    code, stderr = node.run("true")
    assert code == 74
    assert "is no folder" in stderr
    assert not node.ran.exists()


def test_a_folder_of_contents_that_is_a_link_is_not_entered(tmp_path: Path) -> None:
    node = Node(tmp_path, command="check", gpus_per_node=0, gpu_flag="none")
    digest = hashlib.sha256(b"x").hexdigest()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"elsewhere/{digest}.jsonl").write_bytes(b"x")
    (node.attempt / "check.pyz").write_text(
        f"import os\nos.symlink({str(tmp_path / 'elsewhere')!r}, {str(node.attempt / 'cache/content')!r})\n"
    )
    assert node.run("")[0] == 74
    assert (tmp_path / f"elsewhere/{digest}.jsonl").exists()
