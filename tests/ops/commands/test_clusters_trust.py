"""packtrain clusters trust."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from packtrain.cli.main import app
from tests.tuning.ssh import sshd as server

TOML = """
[clusters.lab]
host = "127.0.0.1"
port = {port}
user = "packtrain"
key_file = "/nowhere"
known_hosts_file = "{known_hosts}"
root = "/shared/packtrain"
image = "/shared/image.sif"
"""


@pytest.fixture
def sshd_known_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The known hosts of a cluster whose login node runs; empty."""
    folder = tmp_path / "sshd"
    folder.mkdir()
    for name in ("host_key", "user_key"):
        server.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
    sshd = server.start_sshd(folder, (), "", "")
    path = tmp_path / "known_hosts"
    (tmp_path / "clusters.toml").write_text(TOML.format(port=sshd.settings.port, known_hosts=path))
    monkeypatch.setenv("PACKTRAIN_CLUSTERS_FILE", str(tmp_path / "clusters.toml"))
    yield path
    server.stop_sshd(sshd)


def trust(answer: str) -> Result:
    return CliRunner().invoke(app, ["clusters", "trust", "lab"], input=answer)


def test_a_key_is_written_after_a_yes_and_only_then(sshd_known_hosts: Path, tmp_path: Path) -> None:
    for answer in ("n\n", ""):
        refused = trust(answer)
        assert (refused.exit_code, sshd_known_hosts.exists()) == (1, False)
    result = trust("y\n")
    assert result.exit_code == 0
    assert "ssh-ed25519 SHA256:" in result.stdout
    kind, base64 = (tmp_path / "sshd" / "host_key.pub").read_text().split()[:2]
    assert sshd_known_hosts.read_text().split()[1:] == [kind, base64]
    again = trust("")
    assert (again.exit_code, sshd_known_hosts.read_text().count("\n")) == (0, 1)
    assert again.stderr.endswith("already\n")


def test_a_changed_key_is_never_written(sshd_known_hosts: Path, tmp_path: Path) -> None:
    trust("y\n")
    server.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other"))
    name, *_ = sshd_known_hosts.read_text().split()
    line = f"{name} {' '.join((tmp_path / 'other.pub').read_text().split()[:2])}\n"
    sshd_known_hosts.write_text(line)
    result = trust("y\n")
    assert result.exit_code == 1
    assert "by another key" in result.stderr
    assert sshd_known_hosts.read_text() == line
