"""The server stops at once, also while somebody waits."""

import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from server.connections import BoundedConfig, ConnectionLimits, ConnectionWatch
from server.stopping import StoppingServer
from tuning.jobs.models import Job

LONGER_THAN_A_TEST_MAY_TAKE_SECONDS = 60


@pytest.fixture
def server(app: FastAPI) -> Iterator[StoppingServer]:
    """A real server on a free port."""
    limits = ConnectionLimits(head_seconds=10, idle_seconds=30, max_connections=100)
    config = BoundedConfig(app, ConnectionWatch(limits, time.monotonic), port=0, log_config=None, access_log=False)
    server = StoppingServer(config, app.state.feed)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server
    server.should_exit = True
    thread.join(LONGER_THAN_A_TEST_MAY_TAKE_SECONDS)
    assert not thread.is_alive()


@pytest.fixture
def connection(server: StoppingServer, token: str) -> Iterator[httpx.Client]:
    port = server.servers[0].sockets[0].getsockname()[1]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers=headers, timeout=50) as connection:
        yield connection


def test_a_stream_and_a_long_poll_do_not_hold_it_up(
    server: StoppingServer, connection: httpx.Client, running_job: Job
) -> None:
    began = time.monotonic()
    with connection.stream("GET", f"/jobs/{running_job.id}/events/stream") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "id: 0"
        poll = f"/jobs/{running_job.id}/progress?wait=50&since={running_job.version}"
        answers: list[httpx.Response] = []
        polling = threading.Thread(target=lambda: answers.append(connection.get(poll)))
        polling.start()
        while len(server.server_state.tasks) < 2:
            time.sleep(0.01)
        server.should_exit = True
        polling.join(LONGER_THAN_A_TEST_MAY_TAKE_SECONDS)
        assert [answer.status_code for answer in answers] == [200]
        assert "event: progress" in list(lines)
    assert time.monotonic() - began < 40
