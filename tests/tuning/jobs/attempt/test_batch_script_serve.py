"""The batch script of a served model: what it starts, and how it tells where the model listens."""

import sys
from pathlib import Path

import pytest

from tests.tuning.stand_in_node import Node
from tuning.slurm.attempt_records import parse_exit, parse_serving

PYTHON = f"""#!/bin/bash
[ "$2" = serve.program ] || exec {sys.executable} "$@"
echo "$@" >"$RAN"; record=$4; eval "$PAYLOAD"
"""


@pytest.fixture
def node(tmp_path: Path) -> Node:
    node = Node(tmp_path, command="serve", secrets=("API_KEY",))
    program = tmp_path / "bin/python3"
    program.write_text(PYTHON)
    program.chmod(0o755)
    (node.attempt / "secrets").mkdir()
    (node.attempt / "secrets/API_KEY").write_text("a key")
    return node


def until_told(node: Node) -> str:
    return f"until [ -e {node.attempt}/serving ]; do sleep 0.1; done"


def test_it_tells_the_port_by_its_own_address(node: Node) -> None:
    code, _ = node.run(f'[ "$API_KEY" = "a key" ] && echo 23456 >"$record"; {until_told(node)}; exit 3')
    assert code == 3
    record = parse_serving((node.attempt / "serving").read_bytes())
    assert record is not None
    assert (record.start.slurm_job_id, record.address, record.port) == (7, "n1", 23456)
    attempt = node.attempt
    arguments = f"{attempt}/inside.pyz serve.program {attempt}/config.yaml {attempt}/cache/serving 0.0.0.0\n"
    assert node.ran.read_text() == arguments
    assert not (attempt / "secrets").exists()


@pytest.mark.parametrize("port", ["22", "x; touch /tmp/x", "0777"])
def test_what_is_no_port_is_not_told(node: Node, port: str) -> None:
    code, _ = node.run(f'echo "{port}" >"$record"; sleep 1.5')
    assert (code, (node.attempt / "serving").exists()) == (0, False)


def test_a_link_in_its_place_is_not_followed(node: Node) -> None:
    (node.root / "number").write_text("23456")
    node.run(f'ln -s {node.root}/number "$record"; sleep 1.5')
    assert not (node.attempt / "serving").exists()


def test_one_that_never_loads_its_model_ends_as_any_run(node: Node) -> None:
    code, _ = node.run("exit 1")
    ended = parse_exit((node.attempt / "exit").read_bytes())
    assert ended is not None
    assert (code, ended.exit_code, (node.attempt / "serving").exists()) == (1, 1, False)
