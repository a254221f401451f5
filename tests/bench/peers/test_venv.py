"""The peers' pins."""

import re
from pathlib import Path

import pytest

from tests.bench.peers import venv

PIN = re.compile(r"[a-z0-9.-]+(\[[a-z0-9,-]+\])?==[0-9a-z.+]+( ; .+)?")


@pytest.mark.parametrize("name", ["aiida", "nemo_run", "submitit"])
def test_every_version_is_exact_and_no_host_is_named(name: str) -> None:
    lines = [line for line in venv.pins(name).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert lines
    assert [line for line in lines if not PIN.fullmatch(line)] == []


def test_another_pin_is_another_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venv, "HERE", tmp_path)
    (tmp_path / "peer.txt").write_text("peer==1.0\n")
    first = venv.key("peer")
    (tmp_path / "peer.txt").write_text("peer==1.1\n")
    assert venv.key("peer") != first
