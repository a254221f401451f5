"""Other workers of this machine, as real processes."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from worker.upkeep.neighbours import is_alive, uses_database


@contextmanager
def neighbour(word: str = "worker", folder: Path = Path("/"), **environment: str) -> Iterator[str]:
    command = [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()", word]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder, env={**os.environ, **environment}
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        yield f"{socket.gethostname()}:{process.pid}"
        process.send_signal(signal.SIGCONT)
        process.stdin.close()


def test_a_worker_lives_until_it_has_ended_or_is_stopped() -> None:
    with neighbour() as driver:
        assert is_alive(driver) is True
        os.kill(int(driver.rpartition(":")[2]), signal.SIGSTOP)
        os.waitid(os.P_PID, int(driver.rpartition(":")[2]), os.WSTOPPED | os.WNOWAIT)
        assert is_alive(driver) is False
    assert is_alive(driver) is False


def test_another_program_is_no_worker() -> None:
    with neighbour("server") as driver:
        assert is_alive(driver) is False


@pytest.mark.parametrize("driver", ["", "elsewhere:1", f"{socket.gethostname()}:x", f"{socket.gethostname()}:"])
def test_of_other_machines_nothing_is_known(driver: str) -> None:
    assert is_alive(driver) is None
    assert not uses_database(driver, make_url("sqlite:////x.db"))


def test_a_worker_on_the_same_file_uses_our_database_by_whichever_name(tmp_path: Path) -> None:
    (tmp_path / "packtrain.db").touch()
    (tmp_path / "copy.db").touch()
    ours = make_url(f"sqlite:///{tmp_path}/packtrain.db")
    with neighbour(folder=tmp_path, PACKTRAIN_DATABASE_URL="sqlite:///packtrain.db") as driver:
        assert uses_database(driver, ours)
        assert not uses_database(driver, make_url(f"sqlite:///{tmp_path}/copy.db"))
        assert not uses_database(driver, make_url(f"sqlite:///{tmp_path}/gone.db"))


def test_a_worker_of_the_same_server_uses_our_database() -> None:
    url = "postgresql+psycopg://lab:secret@db:5432/packtrain"
    with neighbour(PACKTRAIN_DATABASE_URL=url) as driver:
        assert uses_database(driver, make_url(url))
        assert not uses_database(driver, make_url(f"{url}_copy"))
        assert not uses_database(driver, make_url("sqlite:////x.db"))
