"""Whose logins and sessions sshd's log tells of."""

from tests.bench.peers.login_node import client_ports, lines_of
from tests.bench.sshd_log import SshdCount, count_sessions

OURS = """\
Connection from 127.0.0.1 port 55468 on 127.0.0.1 port 20610 rdomain ""
Accepted publickey for packtrain from 127.0.0.1 port 55468 ssh2: ED25519 SHA256:B3xl1oEs2KX6PoKfVHkIjOL3zdEixLihsd3n
Starting session: command for packtrain from 127.0.0.1 port 55468 id 0
""".splitlines()
LATER = """\
Starting session: command for packtrain from 127.0.0.1 port 55468 id 0
Accepted publickey for packtrain from 127.0.0.1 port 40001 ssh2: ED25519 SHA256:B3xl1oEs2KX6PoKfVHkIjOL3zdEixLihsd3n
User child is on pid 450
Starting session: subsystem 'sftp' for packtrain from 127.0.0.1 port 40001 id 0
Starting session: command for packtrain from 127.0.0.1 port 55468 id 0
Starting session: command for packtrain from 127.0.0.1 port 40001 id 1
Close session: user packtrain from 127.0.0.1 port 40001 id 1
""".splitlines()


def test_a_connection_is_known_by_its_port() -> None:
    assert client_ports(OURS) == {55468}


def test_commands_on_a_kept_connection_are_told_from_a_newcomers() -> None:
    ports = client_ports(OURS)
    assert count_sessions(lines_of(LATER, ports, inside=True)) == SshdCount(0, 2, 0, 1)
    assert count_sessions(lines_of(LATER, ports, inside=False)) == SshdCount(1, 1, 1, 2)
