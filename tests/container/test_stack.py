"""`make up` finds a port for its server."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from container import stack
from container.background import start_time_of
from container.steps import StepError


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of another program."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def ports_from(first: int, monkeypatch: pytest.MonkeyPatch, many: int = 100) -> None:
    monkeypatch.setattr(stack, "PORT", first)
    monkeypatch.setattr(stack, "_PORTS", range(first, first + many))


def running_on(port: int, state: Path) -> None:
    """A server that runs: this very process stands for it."""
    stack.pid_file(state, "server").write_text(f"{os.getpid()} {start_time_of(os.getpid())}\n")
    (state / "port").write_text(f"{port}\n")


def test_of_a_taken_port_the_next_free_one_is_used_and_told(
    taken: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ports_from(taken, monkeypatch)
    port = stack.choose_port(tmp_path, None)
    assert port > taken
    said = "".join(capsys.readouterr())
    assert f"port {taken} is taken by another program: the server gets {port}" in said


def test_a_port_that_was_asked_for_and_is_taken_is_refused(taken: int, tmp_path: Path) -> None:
    with pytest.raises(StepError, match=f"port {taken} is taken by another program"):
        stack.choose_port(tmp_path, taken)


def test_where_all_are_taken_that_is_said(taken: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ports_from(taken, monkeypatch, many=1)
    with pytest.raises(StepError, match="--port N"):
        stack.choose_port(tmp_path, None)


def test_the_server_that_runs_keeps_its_port(taken: int, tmp_path: Path) -> None:
    running_on(taken, tmp_path)
    assert stack.choose_port(tmp_path, None) == taken
    with pytest.raises(StepError, match="make down"):
        stack.choose_port(tmp_path, taken + 1)
