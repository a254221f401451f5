"""Connections and sessions are counted as sshd 10 (Debian 13) writes them down."""

from tests.bench.sshd_log import SshdCount, count_sessions

LOG = """\
Server listening on 127.0.0.1 port 20610.
Connection from 127.0.0.1 port 55468 on 127.0.0.1 port 20610 rdomain ""
Accepted key ED25519 SHA256:B3xl1oEs2KX6PoKfVHkIjOL3zdEixLihsd3nOaIZ/vw found at /home/packtrain/.ssh/authorized_keys:1
Accepted publickey for packtrain from 127.0.0.1 port 55468 ssh2: ED25519 SHA256:B3xl1oEs2KX6PoKfVHkIjOL3zdEixLihsd3n
User child is on pid 450
Starting session: command for packtrain from 127.0.0.1 port 55468 id 0
Close session: user packtrain from 127.0.0.1 port 55468 id 0
Starting session: subsystem 'sftp' for packtrain from 127.0.0.1 port 55468 id 0
Starting session: command for packtrain from 127.0.0.1 port 55468 id 1
Close session: user packtrain from 127.0.0.1 port 55468 id 1
"""


def test_each_login_and_session_is_counted() -> None:
    seen = count_sessions(LOG.splitlines())
    assert seen == SshdCount(connections=1, commands=2, file_servers=1, most_channels=2)


def test_an_empty_log_counts_nothing() -> None:
    assert count_sessions([]) == SshdCount(0, 0, 0, 0)
