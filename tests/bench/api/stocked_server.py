"""A server whose database has many jobs, the questions to it, and their times in turn with those to another."""

import http.client
import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from tests.bench.api.creating import clusters_toml, new_job
from tests.bench.api.stock import fill
from tests.bench.report.table import Pairs
from tests.bench.rig import Rig
from tuning.db.engine import open_engine
from tuning.migrate import upgrade

WARM_UP = 10
Ask = Callable[[], object]


@dataclass(frozen=True)
class Stocked:
    """A server with many jobs, and a kept connection to it."""

    connection: http.client.HTTPConnection
    token: str
    session: str
    """Text of a browser's session."""

    def page(self, query: str) -> Ask:
        """Asks for 50 jobs."""
        return lambda: self._ask("GET", f"/api/v1/jobs?limit=50{query}", None, 200)

    def post(self) -> Ask:
        """Orders a job."""
        body = json.dumps(new_job())
        return lambda: self._ask("POST", "/api/v1/jobs", body, 201)

    def queue_page(self) -> bytes:
        """The whole page of the queue, as it comes over the wire to a browser."""
        headers = {"Cookie": f"packtrain_session={self.session}", "Accept": "text/html", "Accept-Encoding": "gzip"}
        self.connection.request("GET", "/", None, headers)
        answer = self.connection.getresponse()
        said = answer.read()
        if answer.status != 200 or answer.headers["Content-Encoding"] != "gzip":
            raise RuntimeError(f"GET / answered {answer.status}: {said[:300]!r}")
        return said

    def _ask(self, method: str, path: str, body: str | None, status: int) -> None:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        said = answer.read()
        if answer.status != status or b'"object":"job"' not in said:  # an empty page would be a cheap one
            raise RuntimeError(f"{method} {path} answered {answer.status}: {said[:300]!r}")


def stocked(rig: Rig, servers: ExitStack, url: str, count: int) -> Stocked:
    """A server on a new database with so many jobs, which ends with the stack."""
    upgrade(url)
    engine = open_engine(url)
    stock = fill(engine, count)
    engine.dispose()
    server = servers.enter_context(rig.server(url, clusters_toml()))
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    servers.callback(connection.close)
    return Stocked(connection, stock.token, stock.session)


def in_turn(ours: Ask, theirs: Ask, count: int) -> Pairs:
    """Times of both, so many of each, the first ones left out."""
    pairs = Pairs()
    for number in range(WARM_UP + count):
        seconds = [_seconds(ours), _seconds(theirs)]
        if number >= WARM_UP:
            pairs.ours.append(seconds[0])
            pairs.theirs.append(seconds[1])
    return pairs


def _seconds(ask: Ask) -> float:
    started = time.perf_counter()
    ask()
    return time.perf_counter() - started
