"""Keys of an agent, certificates, a host in between, a second factor: against real sshd's."""

import getpass
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.factories import make_cluster_settings
from tests.tuning.ssh.conftest import StartSshd
from tests.tuning.ssh.sshd import Sshd, changed, run
from tuning.errors import HostKeyChanged, LoginRefused, Unreachable
from tuning.settings import ClusterSettings
from tuning.ssh.host_keys import Standing, trust
from tuning.ssh.paramiko_login import fetch_host_key
from tuning.ssh.paramiko_transport import ParamikoTransport


def said(settings: ClusterSettings) -> bytes:
    """What a command over this way prints."""
    transport = ParamikoTransport(settings)
    try:
        return transport.run("echo in; echo $SSH_AUTH_SOCK").stdout
    finally:
        transport.close()


@pytest.fixture
def agent(keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An agent that holds the user's key."""
    sock = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(sock)], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(sock))
    while not sock.exists():
        assert process.poll() is None
        time.sleep(0.01)
    subprocess.run(["ssh-add", "-q", str(keys / "user_key")], check=True, env=os.environ, capture_output=True)
    yield
    process.kill()
    process.wait()


def test_an_agents_key_lets_in_and_the_agent_stays_here(agent: None, sshd: Sshd) -> None:
    assert said(changed(sshd.settings, key_file=None, key_agent=True)) == b"in\n\n"


def test_the_agent_is_not_asked_unless_it_is_said(agent: None, sshd: Sshd) -> None:
    with pytest.raises(LoginRefused, match="does not accept the key"):
        said(changed(sshd.settings, key_file=sshd.folder / "other_user_key"))


def test_without_any_key_there_is_no_cluster() -> None:
    with pytest.raises(ValidationError, match="key_agent = true"):
        make_cluster_settings(key_file=None)


def signed(folder: Path, key: str) -> Path:
    """A certificate for one of the keys."""
    run("ssh-keygen", "-q", "-s", str(folder / "rsa_user_key"), "-I", "x", "-n", getpass.getuser(), str(folder / key))
    made = folder / f"{key.removesuffix('.pub')}-cert.pub"
    return made.rename(folder / "of the site")  # beside the key under its usual name it would be found without a word


def test_a_certificate_lets_a_key_in_that_the_account_does_not_list(start_sshd: StartSshd, keys: Path) -> None:
    sshd = start_sshd(config=f"TrustedUserCAKeys {keys / 'rsa_user_key.pub'}\n")
    settings = changed(sshd.settings, key_file=sshd.folder / "other_user_key")
    with pytest.raises(LoginRefused):
        said(settings)
    certificate = signed(sshd.folder, "other_user_key.pub")
    assert said(changed(settings, certificate_file=certificate)).startswith(b"in\n")


def test_a_certificate_that_is_none_is_named(sshd: Sshd) -> None:
    for path in (sshd.folder / "rsa_user_key.pub", sshd.folder / "missing", sshd.folder / "known_hosts"):
        with pytest.raises(LoginRefused, match="cannot use the certificate file"):
            said(changed(sshd.settings, certificate_file=path))


@pytest.fixture
def beyond(start_sshd: StartSshd) -> tuple[Sshd, Sshd, ClusterSettings]:
    """A host in between, the login node, and settings that go through the one to the other."""
    jump, login = start_sshd(), start_sshd()
    known_hosts = login.settings.known_hosts_file
    known_hosts.write_text(known_hosts.read_text() + jump.settings.known_hosts_file.read_text())
    return jump, login, changed(login.settings, jump_host="127.0.0.1", jump_port=jump.settings.port)


def test_a_login_node_behind_another_host(beyond: tuple[Sshd, Sshd, ClusterSettings]) -> None:
    jump, login, settings = beyond
    transport = ParamikoTransport(settings)
    assert [transport.run("echo in").stdout for _ in range(3)] == [b"in\n"] * 3
    assert (jump.connections, login.connections) == (1, 1)
    transport.close()
    for _ in range(200):
        if not jump.sessions():
            break
        time.sleep(0.02)
    assert jump.sessions() == [], "the connection in between ends with the other"


def test_the_host_in_between_must_be_known_too(beyond: tuple[Sshd, Sshd, ClusterSettings]) -> None:
    _, login, settings = beyond
    lines = settings.known_hosts_file.read_text().splitlines(keepends=True)
    settings.known_hosts_file.write_text(lines[0])
    with pytest.raises(HostKeyChanged, match="is not in"):
        said(settings)
    assert login.connections == 0
    assert settings.jump is not None
    assert fetch_host_key(settings.jump).standing is Standing.NEW
    trust(fetch_host_key(settings.jump), settings.known_hosts_file)
    assert fetch_host_key(settings).standing is Standing.TRUSTED
    assert said(settings).startswith(b"in\n")


def test_the_login_node_is_held_to_its_own_key_behind_a_jump(beyond: tuple[Sshd, Sshd, ClusterSettings]) -> None:
    jump, login, settings = beyond
    other = (login.folder / "other_host_key.pub").read_text().split()[:2]
    settings.known_hosts_file.write_text(
        jump.settings.known_hosts_file.read_text() + f"[127.0.0.1]:{settings.port} {' '.join(other)}\n"
    )
    with pytest.raises(HostKeyChanged, match="somebody in between"):
        said(settings)
    assert fetch_host_key(settings).standing is Standing.CHANGED


def test_a_host_in_between_that_leads_nowhere(start_sshd: StartSshd) -> None:
    sshd = start_sshd(config="AllowTcpForwarding no\n")
    settings = changed(sshd.settings, jump_host="127.0.0.1", jump_port=sshd.settings.port)
    with pytest.raises(Unreachable, match="cannot connect to"):
        said(settings)
    with pytest.raises(LoginRefused, match="does not accept"):
        said(changed(settings, key_file=sshd.folder / "other_user_key"))


def test_a_second_factor_is_told_and_nobody_is_asked_for_it(start_sshd: StartSshd) -> None:
    # keyboard-interactive would want PAM: a password is as good a second factor
    wants_both = "Match Address 127.0.0.1\nPasswordAuthentication yes\nAuthenticationMethods publickey,password\n"
    transport = ParamikoTransport(start_sshd(config=wants_both).settings)
    with pytest.raises(LoginRefused, match="asks for a second factor, which no service can answer") as refused:
        transport.run("true")
    assert "by its key alone" in str(refused.value.hint)


def test_a_host_that_takes_no_keys_says_so(start_sshd: StartSshd) -> None:
    no_keys = "PubkeyAuthentication no\n"
    transport = ParamikoTransport(start_sshd(config=no_keys).settings)
    with pytest.raises(LoginRefused, match="takes no keys"):
        transport.run("true")
