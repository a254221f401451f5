"""A login node's host key: fetched without a login, compared, written."""

from pathlib import Path

import pytest

from tests.tuning.ssh.conftest import StartSshd
from tests.tuning.ssh.sshd import Sshd, changed
from tuning.errors import HostKeyChanged, Unreachable
from tuning.ssh.host_keys import HostKey, Standing, trust
from tuning.ssh.paramiko_login import fetch_host_key
from tuning.ssh.paramiko_transport import ParamikoTransport

KEY = HostKey("login", "ssh-ed25519", "AAAA", "SHA256:x", Standing.NEW)


def test_a_new_host_is_shown_written_and_then_let_in(sshd: Sshd) -> None:
    known_hosts = sshd.folder / "new" / "known_hosts"
    settings = changed(sshd.settings, known_hosts_file=known_hosts)
    key = fetch_host_key(settings)
    assert (key.kind, key.standing) == ("ssh-ed25519", Standing.NEW)
    assert (sshd.folder / "host_key.pub").read_text().split()[:2] == [key.kind, key.base64]
    assert key.fingerprint.startswith("SHA256:")
    assert sshd.connections == 0, "nobody logs in"
    trust(key, known_hosts)
    assert fetch_host_key(settings).standing is Standing.TRUSTED
    transport = ParamikoTransport(settings)
    assert transport.run("echo in").stdout == b"in\n"
    transport.close()


def test_a_host_known_by_another_key_has_changed(sshd: Sshd) -> None:
    other = " ".join((sshd.folder / "other_host_key.pub").read_text().split()[:2])
    sshd.settings.known_hosts_file.write_text(f"[127.0.0.1]:{sshd.settings.port} {other}\n")
    assert fetch_host_key(sshd.settings).standing is Standing.CHANGED


def test_a_key_of_another_kind_is_another_key(start_sshd: StartSshd) -> None:
    sshd = start_sshd()
    rsa = " ".join((sshd.folder / "rsa_user_key.pub").read_text().split()[:2])
    sshd.settings.known_hosts_file.write_text(f"[127.0.0.1]:{sshd.settings.port} {rsa}\n")
    assert fetch_host_key(sshd.settings).standing is Standing.CHANGED


def test_another_host_in_the_file_says_nothing_of_this_one(sshd: Sshd) -> None:
    path = sshd.settings.known_hosts_file
    path.write_text(path.read_text().replace("127.0.0.1", "192.0.2.1"))
    assert fetch_host_key(sshd.settings).standing is Standing.NEW


def test_nobody_there_is_unreachable(sshd: Sshd) -> None:
    with pytest.raises(Unreachable, match="Connection refused"):
        fetch_host_key(changed(sshd.settings, port=1))


def test_a_broken_file_is_named(sshd: Sshd) -> None:
    sshd.settings.known_hosts_file.write_text("login ssh-ed25519 rubbish\n")
    with pytest.raises(HostKeyChanged, match="no host key"):
        fetch_host_key(sshd.settings)


@pytest.mark.parametrize("before", ["", "a ssh-rsa BBBB\n", "a ssh-rsa BBBB"])
def test_what_was_in_the_file_stays_and_the_key_has_its_own_line(tmp_path: Path, before: str) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(before)
    trust(KEY, path)
    assert path.read_text().splitlines() == [*before.splitlines(), "login ssh-ed25519 AAAA"]
