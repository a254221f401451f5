"""A real OpenSSH server for each test that asks for one."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tuning.ssh import sshd as server
from tuning.ssh.paramiko_transport import ParamikoTransport

StartSshd = Callable[..., server.Sshd]


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("host_key", "other_host_key", "user_key", "other_user_key"):
        server.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
    server.run("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(folder / "rsa_user_key"))
    return folder


@pytest.fixture
def start_sshd(keys: Path, tmp_path: Path) -> Iterator[StartSshd]:
    """Start a server: `prefix` is a command that starts it in its turn, `config` is added to its configuration,
    `sftp` names its file server."""
    started: list[server.Sshd] = []

    def start(
        prefix: tuple[str, ...] = (), config: str = "", sftp: str = "Subsystem sftp internal-sftp\n"
    ) -> server.Sshd:
        folder = tmp_path / f"sshd{len(started)}"
        shutil.copytree(keys, folder)
        started.append(server.start_sshd(folder, prefix, config, sftp))
        return started[-1]

    yield start
    for sshd in started:
        server.stop_sshd(sshd)


@pytest.fixture
def sshd(start_sshd: StartSshd) -> server.Sshd:
    return start_sshd()


@pytest.fixture
def transport(sshd: server.Sshd) -> Iterator[ParamikoTransport]:
    transport = ParamikoTransport(sshd.settings)
    yield transport
    transport.close()
