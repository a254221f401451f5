"""The server stops at once, also while somebody waits."""

import threading
import time

import httpx

from server.http.stopping import StoppingServer
from tests.server.conftest import LONGER_THAN_A_TEST_MAY_TAKE_SECONDS
from tuning.jobs.models import Job


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
