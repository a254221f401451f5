"""`python -m server` as a program."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories import make_token, make_user
from tuning.db.engine import open_engine, open_sessions, transaction
from tuning.migrate import upgrade

PATIENCE_SECONDS = 60.0


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The settings of a server on an empty but migrated SQLite database, without clusters."""
    url = f"sqlite:///{tmp_path / 'packtrain.db'}"
    upgrade(url)
    (tmp_path / "clusters.toml").write_text("")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    return {
        **os.environ,
        "PACKTRAIN_DATABASE_URL": url,
        "PACKTRAIN_CLUSTERS_FILE": str(tmp_path / "clusters.toml"),
        "PACKTRAIN_PORT": str(port),
    }


@pytest.fixture
def server(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The program, answering."""
    program = subprocess.Popen([sys.executable, "-m", "server"], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        _wait_for(program, f"http://127.0.0.1:{environment['PACKTRAIN_PORT']}/readyz")
        yield program
    finally:
        program.kill()
        program.communicate()


def test_it_answers_says_little_as_json_and_ends_when_told(
    server: subprocess.Popen[str], environment: dict[str, str]
) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://127.0.0.1:{environment['PACKTRAIN_PORT']}/api/v1/me")
    server.send_signal(signal.SIGTERM)
    _, log = server.communicate(timeout=PATIENCE_SECONDS)
    assert server.returncode in {0, -signal.SIGTERM}
    lines = [json.loads(line) for line in log.splitlines()]
    assert lines
    assert not any("/api/v1/me" in line["message"] for line in lines)


@pytest.mark.parametrize(("is_known", "status"), [(True, 413), (False, 401)])
def test_a_huge_body_is_answered_before_it_was_sent(
    server: subprocess.Popen[str], environment: dict[str, str], is_known: bool, status: int
) -> None:
    with transaction(open_sessions(open_engine(environment["PACKTRAIN_DATABASE_URL"]))) as session:
        token = make_token(session, make_user(session)) if is_known else "pt_wrong"
    with socket.create_connection(("127.0.0.1", int(environment["PACKTRAIN_PORT"])), PATIENCE_SECONDS) as connection:
        head = ["POST /api/v1/jobs HTTP/1.1", "Host: x", "Content-Type: application/json", "Content-Length: 50000000"]
        connection.sendall("\r\n".join([*head, f"Authorization: Bearer {token}", "", ""]).encode())
        answer = connection.recv(65_536).decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert "application/problem+json" in answer


def test_without_its_clusters_file_it_says_which(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "clusters.toml").unlink()
    command = [sys.executable, "-m", "server"]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert done.returncode == 1
    assert str(tmp_path / "clusters.toml") in done.stderr


def _wait_for(program: subprocess.Popen[str], url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            urllib.request.urlopen(url).close()  # noqa: S310 - an address of this test's own
        except OSError:
            assert program.poll() is None, program.stderr and program.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return
