"""Login nodes that are none: told in a sentence, and nothing beside it."""

from pathlib import Path

import pytest

from tests.factories import make_cluster_settings
from tests.hanging_up import hanging_up
from tuning.errors import Unreachable
from tuning.ssh.paramiko_login import fetch_host_key
from tuning.ssh.paramiko_transport import ParamikoTransport


def test_a_host_that_closes_the_connection_is_no_traceback(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with hanging_up() as port:
        settings = make_cluster_settings(port=port, known_hosts_file=tmp_path / "known_hosts")
        with pytest.raises(Unreachable, match="cannot connect to"):
            fetch_host_key(settings)
    assert caplog.records == []
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("says", [b"", b"SSH-2.0-x\r\n", b"Exceeded MaxStartups\r\n"])
def test_a_host_that_hangs_up_is_told_in_a_sentence(tmp_path: Path, says: bytes) -> None:
    (tmp_path / "known_hosts").touch()
    with hanging_up(says) as port:
        where = {"port": port, "known_hosts_file": tmp_path / "known_hosts", "key_file": None, "key_agent": True}
        transport = ParamikoTransport(make_cluster_settings(**where))
        with pytest.raises(Unreachable, match=r"the host takes the connection and closes it") as error:
            transport.run("true")
    assert "sshd" in (error.value.hint or "")
