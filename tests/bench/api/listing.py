"""GET and POST /jobs with a hundred thousand jobs in the database beside a thousand, on both databases."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

from tests.bench.api import list_plans
from tests.bench.api.creating import clusters_toml, new_job
from tests.bench.api.stock import fill
from tests.bench.report.growth import exponent
from tests.bench.report.table import Pairs, Row
from tests.bench.rig import Rig
from tests.postgresql import running
from tuning.db.engine import open_engine
from tuning.migrate import upgrade

FEW = 1_000
AT_MOST = 1.3
MOST_GROWTH = 1.1
WARM_UP = 10
PAGES = {
    "the newest": "",
    "succeeded, of one kind": "&status=succeeded&kind=predict",
    "of a tag, by priority": "&tag=team:mt&sort=-priority",
    "by a part of the name": "&q=ja-en",
    "made before a day, oldest first": "&created_before=2026-11-01T00:00:00Z&sort=created_at",
}
"""What is asked for, beside limit=50: pages that are full in both, or they would not be the same work."""
NOTE = (
    "GET /jobs: pages of 50 over HTTP from two servers in turn, whose databases differ in the number of jobs only; 200 "
    "of them wait and 50 run in both; POST /jobs with the seed's arguments, so many to each. The exponent is that of "
    "time over jobs."
)
Ask = Callable[[], object]


@dataclass(frozen=True)
class Stocked:
    """A server with many jobs, and a kept connection to it."""

    connection: http.client.HTTPConnection
    token: str

    def page(self, query: str) -> Ask:
        """Asks for 50 jobs."""
        return lambda: self._ask("GET", f"/api/v1/jobs?limit=50{query}", None, 200)

    def post(self) -> Ask:
        """Orders a job."""
        body = json.dumps(new_job())
        return lambda: self._ask("POST", "/api/v1/jobs", body, 201)

    def _ask(self, method: str, path: str, body: str | None, status: int) -> None:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        said = answer.read()
        if answer.status != status or b'"object":"job"' not in said:  # an empty page would be a cheap one
            raise RuntimeError(f"{method} {path} answered {answer.status}: {said[:300]!r}")


def measure(rig: Rig) -> Iterator[Row]:
    """A row for each page and database, and one for new jobs."""
    folder = rig.folder("listing")
    urls = [f"sqlite:///{folder / name}.db" for name in ("few", "many")]
    yield from _measure_on(rig, urls[0], urls[1], "SQLite")
    with running() as few, running() as many:
        yield from _measure_on(rig, f"{few.url}/postgres", f"{many.url}/postgres", "PostgreSQL")
        yield list_plans.row(f"{many.url}/postgres", [*PAGES.values()], rig.scale.listed_jobs)


def _measure_on(rig: Rig, few_url: str, many_url: str, database: str) -> Iterator[Row]:
    many = rig.scale.listed_jobs
    with ExitStack() as servers:
        of_many, of_few = _stocked(rig, servers, many_url, many), _stocked(rig, servers, few_url, FEW)
        for name, query in PAGES.items():
            pairs = _in_turn(of_many.page(query), of_few.page(query), rig.scale.list_pairs)
            row = pairs.row(f"a page of {many:,} jobs: {name}, {database}", f"of {FEW:,} jobs", AT_MOST, NOTE)
            yield _with_growth(row, pairs, many)
        pairs = _in_turn(of_many.post(), of_few.post(), rig.scale.list_pairs)
        row = pairs.row(f"POST /jobs with {many:,} jobs, {database}", f"with {FEW:,} jobs", AT_MOST)
        yield _with_growth(row, pairs, many)


def _with_growth(row: Row, pairs: Pairs, many: int) -> Row:
    growth = exponent([FEW, many], [sum(pairs.theirs), sum(pairs.ours)])
    spread, bound = f"{row.spread}; exponent {growth:.2f}", f"{row.bound}; exponent <= {MOST_GROWTH:g}"
    return replace(row, spread=spread, bound=bound, holds=bool(row.holds) and growth <= MOST_GROWTH)


def _stocked(rig: Rig, servers: ExitStack, url: str, count: int) -> Stocked:
    upgrade(url)
    engine = open_engine(url)
    token = fill(engine, count).token
    engine.dispose()
    server = servers.enter_context(rig.server(url, clusters_toml()))
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    servers.callback(connection.close)
    return Stocked(connection, token)


def _in_turn(ours: Ask, theirs: Ask, count: int) -> Pairs:
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
