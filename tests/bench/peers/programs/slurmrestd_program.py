"""slurmrestd beside slurmctld, asked over a UNIX socket by the user whom it serves. Argument: the socket's folder."""

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.peers.orders import Poll, serve

API = "/slurm/v0.0.42"
START_SECONDS = 20.0
JOB = {
    "script": "#!/bin/bash\nsleep 1\n",
    "job": {"name": "peer", "current_working_directory": "/tmp", "environment": ["PATH=/usr/bin:/bin"]},
}


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket file; kept open, so that a request costs no new connection."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        """Wait for it to be there first: slurmrestd was only just started."""
        deadline = time.monotonic() + START_SECONDS
        while not self._path.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


class Slurmrestd:
    """A job by POST, a state by GET."""

    def __init__(self, path: Path) -> None:
        self._connection = UnixConnection(path)
        self._job_ids: list[int] = []

    def submit(self, count: int) -> float:
        """One request a job."""
        began = time.monotonic()
        self._job_ids = [self._ask("POST", "/job/submit", JOB)["job_id"] for _ in range(count)]
        return time.monotonic() - began

    def poll(self, times: int) -> Poll:
        """One request for the last job."""
        seconds = []
        for _ in range(times):
            began = time.monotonic()
            self._ask("GET", f"/job/{self._job_ids[-1]}", None)
            seconds.append(time.monotonic() - began)
        return Poll(seconds, times)

    def forget(self) -> None:
        """It keeps nothing."""
        self._job_ids = []

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        content = None if body is None else json.dumps(body)
        self._connection.request(method, API + path, content, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {said[:1000]!r}")
        found: dict[str, Any] = json.loads(said)
        return found


if __name__ == "__main__":
    place = Path(sys.argv[1]) / "slurmrestd.socket"
    place.unlink(missing_ok=True)
    daemon = subprocess.Popen(["/usr/sbin/slurmrestd", "-a", "rest_auth/local", f"unix:{place}"], stdout=sys.stderr)
    try:
        serve("slurmrestd", Slurmrestd(place))
    finally:
        daemon.terminate()
