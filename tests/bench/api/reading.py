"""GET progress of a job that changes every 2 s, beside a bare FastAPI endpoint that answers the same bytes."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from sqlalchemy.orm import Session, sessionmaker

from container.lab import ports
from tests.bench.clients.load import LoadOrder, LoadResult
from tests.bench.cores import SERVER_CORE, cpu_seconds, pin
from tests.bench.report.table import Pairs, Row, shown
from tests.bench.rig import Rig, Running
from tests.factories import make_job, make_token, make_user
from tuning.db.engine import open_engine, open_sessions, transaction
from tuning.jobs.queries.driver import update_jobs
from tuning.jobs.status import JobStatus
from tuning.migrate import upgrade

CONNECTIONS = 50
CHANGES_EVERY_SECONDS = 2.0
LEAST, LEAST_UNCHANGED = 0.8, 0.95
WARM_UP_SECONDS = 1.0
BESIDE = "bare FastAPI endpoint, the same bytes from memory"
NOTE = (
    "GET progress: one server process on one processor, {connections} kept connections from another process on the "
    "other one, a new request as soon as the answer is there; the job's row changes every 2 s, as by a worker. "
    "The bare endpoint knows neither tokens nor ETags nor limits. Ratios are of requests a second; the clients used at "
    "most {share:.0%} of their processor, so they were not the limit."
)


@dataclass(frozen=True)
class Way:
    """A server, and how it is polled."""

    server: Running
    order: LoadOrder


@dataclass(frozen=True)
class Polled:
    """What the rounds of one way gave."""

    results: list[LoadResult]
    cpu_seconds: list[float]
    """Of the server, a request."""

    @property
    def rates(self) -> list[float]:
        """Requests a second."""
        return [result.per_second for result in self.results]

    def __str__(self) -> str:
        rate, p99 = median(self.rates), median(result.p99_seconds for result in self.results)
        return f"{rate:,.0f}/s, p99 {shown(p99)}, CPU {shown(median(self.cpu_seconds))}"


def measure(rig: Rig) -> Iterator[Row]:
    """Two rows: whole answers, and 304s."""
    with ExitStack() as running:
        server, token, path = running.enter_context(a_changing_job(rig, "reading"))
        order = LoadOrder(server.port, [f"{path}/progress"], token, CONNECTIONS, rig.scale.read_seconds)
        bare = running.enter_context(_bare(rig, order))
        ways = (
            Way(bare, replace(order, port=bare.port)),
            Way(server, order),
            Way(server, replace(order, conditional=True)),
        )
        yield from _rows(_in_turn(ways, rig.scale.read_pairs))


def run_load(order: LoadOrder) -> LoadResult:
    """Let a process of its own poll as ordered, to its end."""
    command = [sys.executable, "-m", "tests.bench.clients.load"]
    done = subprocess.run(command, input=json.dumps(asdict(order)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the load failed: {done.stderr[-2000:]}")
    return LoadResult(**json.loads(done.stdout))


def with_cpu(way: Way) -> tuple[LoadResult, float]:
    """The same, and the CPU seconds that each request cost the server."""
    before = cpu_seconds(way.server.pid)
    result = run_load(way.order)
    return result, (cpu_seconds(way.server.pid) - before) / result.requests


@contextmanager
def a_changing_job(rig: Rig, name: str) -> Iterator[tuple[Running, str, str]]:
    """A server on a database of its own, a token, and the path of its one job, which changes every 2 s."""
    url = f"sqlite:///{rig.folder(name) / 'packtrain.db'}"
    upgrade(url)
    engine = open_engine(url)
    sessions = open_sessions(engine)
    token, job_id = _running_job(sessions)
    try:
        with _changing(sessions, job_id), rig.server(url) as server:
            yield server, token, f"/api/v1/jobs/{job_id}"
    finally:
        engine.dispose()


def _running_job(sessions: sessionmaker[Session]) -> tuple[str, str]:
    """A token, and a running job as GET progress shows one: most of its fields have values."""
    now = datetime.now(UTC)
    known: dict[str, Any] = {"percentage": 22.5, "epoch": 0.44, "loss": 6.13, "learning_rate": 8e-4}
    known |= {"eta_seconds": 35.0, "eta_low_seconds": 30.5, "eta_high_seconds": 41.25, "tokens_per_second": 1234.5}
    known |= {"current_steps": 1000, "total_steps": 100_000, "observed_at": now, "expected_end_at": now}
    with transaction(sessions) as session:
        user = make_user(session)
        job = make_job(session, user, status=JobStatus.RUNNING, attempt=1, elapsed_seconds=10.5, **known)
        return make_token(session, user), job.id


@contextmanager
def _changing(sessions: sessionmaker[Session], job_id: str) -> Iterator[None]:
    """A step every 2 s until the block ends; its loss says when."""
    stop = threading.Event()

    def change() -> None:
        step = 1000
        while not stop.wait(CHANGES_EVERY_SECONDS):
            step += 1
            with transaction(sessions) as session:
                now = datetime.now(UTC)
                update_jobs(session, [{"id": job_id, "current_steps": step, "loss": now.timestamp()}], now)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _in_turn(ways: tuple[Way, ...], count: int) -> list[Polled]:
    for way in ways:
        run_load(replace(way.order, seconds=WARM_UP_SECONDS))
    rounds = [[with_cpu(way) for way in ways] for _ in range(count)]
    return [Polled(*([*values] for values in zip(*way, strict=True))) for way in zip(*rounds, strict=True)]


def _rows(polled: list[Polled]) -> Iterator[Row]:
    bare, ours, unchanged = polled
    strange = {status for way in polled for result in way.results for status in result.statuses} - {"200", "304"}
    if strange:
        raise RuntimeError(f"there were answers {strange}")
    share = max(result.cpu_share for way in polled for result in way.results)
    note = NOTE.format(connections=CONNECTIONS, share=share)
    what = f"GET progress, {CONNECTIONS} connections"
    yield _row(f"{what}, whole answers", ours, bare, LEAST, note)
    yield _row(f"{what}, 304s", unchanged, bare, LEAST_UNCHANGED, note)


def _row(what: str, ours: Polled, bare: Polled, at_least: float, note: str) -> Row:
    pairs = Pairs(ours.rates, bare.rates)
    holds = pairs.ratio >= at_least
    return Row(what, BESIDE, f"{ours} / {bare}", f"{pairs.ratio:.2f}", pairs.spread, f">= {at_least:g}", holds, note)


@contextmanager
def _bare(rig: Rig, ours: LoadOrder) -> Iterator[Running]:
    headers = {"Authorization": f"Bearer {ours.token}"}
    answer = httpx.get(f"http://127.0.0.1:{ours.port}{ours.paths[0]}", headers=headers).raise_for_status()
    body, port = rig.folder("bare-progress") / "body.json", ports.pick()
    Path(body).write_bytes(answer.content)
    with rig.program(["-m", "tests.bench.api.bare_progress", str(body), str(port)], port, {}) as pid:
        pin(pid, SERVER_CORE)
        yield Running(pid, port)
