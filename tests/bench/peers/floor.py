"""The floor: slurmrestd, Slurm's own REST, asked on the login node over a UNIX socket."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.bench.peers.catalogue import Start, on_login_node
from tests.bench.peers.login_node import LoginNode
from tests.bench.peers.ours import Packtrain
from tests.bench.peers.program import Program
from tests.bench.report.table import Pairs, Row
from tests.bench.site_database import SMALL
from tests.e2e.site import SHORT_RUN, Site

WARM_UP = 3
READS, POSTS, SUBMISSIONS = 100, 20, 5
NOTE = (
    "slurmrestd from Debian, on the login node beside slurmctld, rest_auth/local over a UNIX socket: what Slurm itself "
    "needs for one job, before any network, queue, check or database. Its answer to POST has the job's number; "
    "packtrain's POST answers when the job is kept, and the worker submits it."
)


class User:
    """A client of packtrain's with a kept connection and nothing above the standard library."""

    def __init__(self, site: Site) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
        token = site.env()["PACKTRAIN_TOKEN"]
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[float, dict[str, Any]]:
        """Seconds, and the answer. Raises RuntimeError when it is a refusal."""
        content = None if body is None else json.dumps(body)
        began = time.monotonic()
        self._connection.request(method, f"/api/v1/{path}", content, self._headers)
        answer = self._connection.getresponse()
        said = answer.read()
        seconds = time.monotonic() - began
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {said[:300]!r}")
        return seconds, json.loads(said)


def measure(site: Site, ours: Packtrain, node: LoginNode, folder: Path) -> Iterator[Row]:
    """Three rows. Raises PeerError."""
    start: Start = on_login_node(node, "slurmrestd", "/tmp")
    with Program(start.command, start.environment, folder / "program.log") as theirs, closing(User(site)) as user:
        job = {"config": SHORT_RUN, "resources": SMALL}
        post = _in_turn(POSTS, lambda: user.ask("POST", "jobs", job)[0], lambda: theirs.submit(1))
        path = f"jobs/{user.ask('POST', 'jobs', job)[1]['id']}/progress"
        get = _in_turn(READS, lambda: user.ask("GET", path)[0], lambda: theirs.poll(1).seconds[0])
        submitted = _in_turn(SUBMISSIONS, lambda: ours.submit(1), lambda: theirs.submit(1))
    yield get.row("GET progress of a job", "slurmrestd, GET of a job", None, NOTE)
    yield post.row("POST /jobs, answered", "slurmrestd, POST of a job", None)
    yield submitted.row("a job reaches Slurm", "slurmrestd, POST of a job", None)


def _in_turn(count: int, ours: Any, theirs: Any) -> Pairs:
    pairs = Pairs()
    for number in range(count + WARM_UP):
        one, other = ours(), theirs()
        if number >= WARM_UP:
            pairs.ours.append(one)
            pairs.theirs.append(other)
    return pairs
