"""Login nodes that are none: told in a sentence, and nothing beside it."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories import make_cluster_settings
from tuning.errors import Unreachable
from tuning.ssh.paramiko_login import fetch_host_key


@pytest.fixture
def closing_port() -> Iterator[int]:
    """A port whose host closes each connection at once."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def close_each() -> None:
            while True:
                try:
                    listening.accept()[0].close()
                except OSError:
                    return

        thread = threading.Thread(target=close_each, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_host_that_closes_the_connection_is_no_traceback(
    closing_port: int, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    settings = make_cluster_settings(port=closing_port, known_hosts_file=tmp_path / "known_hosts")
    with pytest.raises(Unreachable, match="cannot connect to"):
        fetch_host_key(settings)
    assert caplog.records == []
    assert capfd.readouterr().err == ""
