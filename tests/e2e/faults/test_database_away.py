"""PostgreSQL away, read-only or being restored in the middle of everything: people wait, nothing is lost or doubled."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from container import stack
from container.background import find_process
from packtrain.client import Packtrain
from packtrain.schema import Job
from tests import postgresql
from tests.e2e.site import SHORT_RUN, Site, second_site, wait_for, wait_status

AWAY_SECONDS = 60.0
FAULT_SECONDS = 15.0
"""Some cycles of two seconds each, and longer than a lease lasts."""
FAULTS = {
    "read-only": (
        ("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"),
        ("ALTER SYSTEM SET default_transaction_read_only = off", "SELECT pg_reload_conf()"),
    ),
    "restored in place": (
        ("ALTER SCHEMA public RENAME TO away", "CREATE SCHEMA public"),
        ("DROP SCHEMA public", "ALTER SCHEMA away RENAME TO public"),
    ),
}
"""The fault, and its end: a replica in the primary's place, and a database whose tables are not there yet."""


@pytest.fixture
def database() -> Iterator[postgresql.Server]:
    """A server that keeps what was committed."""
    with postgresql.running(postgresql.DURABLE) as server:
        url = server.url.replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE packtrain")
        yield server


def ask(site: Site, method: str, path: str, **more: object) -> httpx.Response:
    env = site.env()
    headers = {"Authorization": f"Bearer {env['PACKTRAIN_TOKEN']}", "Idempotency-Key": "once"}
    return httpx.request(method, f"{env['PACKTRAIN_URL']}{path}", headers=headers, timeout=40, **more)  # type: ignore[arg-type]


def order(site: Site) -> httpx.Response:
    """The same job each time, by its key."""
    return ask(site, "POST", "/api/v1/jobs", json={"config": SHORT_RUN, "name": "ordered"})


def while_it_is_away(site: Site, running: Job) -> None:
    """Whoever needs the database is told to come again; what is polled is answered from memory for a while."""
    deadline = time.monotonic() + AWAY_SECONDS
    while time.monotonic() < deadline:
        for answer in (order(site), ask(site, "GET", "/api/v1/jobs"), ask(site, "GET", "/metrics")):
            assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "2"), answer.text
        polled = ask(site, "GET", f"/api/v1/jobs/{running['id']}/progress")
        assert polled.status_code == 503 or polled.json()["status"] == "running"
        assert ask(site, "GET", "/healthz").is_success
        time.sleep(1)
    assert ask(site, "GET", f"/api/v1/jobs/{running['id']}/progress").status_code == 503
    assert ask(site, "GET", "/readyz").status_code == 503


def ran_once(site: Site, client: Packtrain, *jobs: Job) -> None:
    for job in jobs:
        assert len(site.sacct(job)) == 1
        names = [event["type"] for event in client.events(job["id"])]
        assert names.count("job.running") == names.count("job.pending") == 1, names


def test_a_minute_without_the_database(site: Site, tmp_path: Path, database: postgresql.Server) -> None:
    url = f"{database.url}/packtrain"
    with second_site(tmp_path / "database-away", site.lab, PACKTRAIN_DATABASE_URL=url) as own, own.client() as client:
        running = client.submit(config={**SHORT_RUN, "max_steps": 1_000_000})
        before = wait_for("first step", lambda: client.progress(running["id"])["current_steps"])
        accepted = order(own).json()
        database.stop_at_once()  # its submission has just begun
        while_it_is_away(own, running)
        database.start()
        again = wait_for("answer", lambda: found if (found := order(own)).is_success else None)
        assert again.json()["id"] == accepted["id"]
        wait_for("progress", lambda: (client.progress(running["id"])["current_steps"] or 0) > before or None)
        wait_status(client, accepted["id"], "succeeded")
        assert client.job(running["id"])["status"] == "running"
        client.cancel(running["id"])
        wait_status(client, running["id"], "cancelled")
        ran_once(own, client, running, accepted)
        assert {job["id"] for job in client.jobs()["data"]} == {running["id"], accepted["id"]}


def tell(database: postgresql.Server, statements: Iterable[str]) -> None:
    """As its superuser."""
    url = database.url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(f"{url}/packtrain", autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def while_nothing_can_be_written(site: Site) -> None:
    wait_for("server that is not ready", lambda: ask(site, "GET", "/readyz").status_code == 503 or None)
    deadline = time.monotonic() + FAULT_SECONDS
    while time.monotonic() < deadline:
        answer = order(site)
        assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "2"), answer.text
        assert "database" in answer.json()["detail"]
        assert ask(site, "GET", "/healthz").is_success
        time.sleep(1)
    assert ask(site, "GET", "/readyz").status_code == 503


def program(site: Site, name: str) -> int:
    process = find_process(stack.pid_file(site.state, name))
    assert process, f"the {name} has ended"
    return process.pid


def further_step(client: Packtrain, job: Job, before: int) -> int:
    def look() -> int | None:
        steps = client.progress(job["id"])["current_steps"] or 0
        return steps if steps > before else None

    return wait_for("further step", look)


def test_a_database_that_takes_no_writes_for_a_while(site: Site, tmp_path: Path, database: postgresql.Server) -> None:
    url = f"{database.url}/packtrain"
    with second_site(tmp_path / "database-closed", site.lab, PACKTRAIN_DATABASE_URL=url) as own, own.client() as client:
        running = client.submit(config={**SHORT_RUN, "max_steps": 1_000_000})
        before = wait_for("first step", lambda: client.progress(running["id"])["current_steps"])
        programs = [program(own, name) for name in ("server", "worker")]
        for strike, undo in FAULTS.values():
            tell(database, strike)
            try:
                while_nothing_can_be_written(own)
            finally:
                tell(database, undo)
            wait_for("server that is ready", lambda: ask(own, "GET", "/readyz").is_success or None)
            before = further_step(client, running, before)
        accepted = order(own).json()
        wait_status(client, accepted["id"], "succeeded")
        assert [program(own, name) for name in ("server", "worker")] == programs, "neither ended"
        assert client.job(running["id"])["status"] == "running"
        client.cancel(running["id"])
        wait_status(client, running["id"], "cancelled")
        ran_once(own, client, running, accepted)
