"""A worker that was stopped for two minutes, with the settings that everybody has: it has lost its lease for good."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from container import stack
from container.background import Process, find_process, start_process
from packtrain.client import Packtrain
from tests import postgresql
from tests.chaos.scene import says_lost
from tests.e2e.site import SHORT_RUN, Site, second_site, wait_for, wait_status

STOPPED_SECONDS = 120.0
TAKEN_OVER_SECONDS = 100.0
"""A lease lasts half a minute, and a third of one passes between two tries to take it; the machine may be slow."""
LEASE = "SELECT lease_owner, lease_token FROM clusters"


@contextmanager
def second_worker(site: Site) -> Iterator[Process]:
    """Beside the site's own, on the same database."""
    environment: Mapping[str, str] = {**stack.settings(site.state, site.port), **site.more}
    command, log = [sys.executable, "-m", "worker"], site.state / "second.log"
    worker = start_process(command, stack.pid_file(site.state, "second"), log, environment)
    try:
        yield worker
    finally:
        worker.end(patience=20.0)


def lease(database: "psycopg.Connection[Any]") -> tuple[int | None, int]:
    """The process that holds the lease, and the fencing token."""
    row = database.execute(LEASE).fetchone()
    assert row
    return int(row[0].rpartition(":")[2]) if row[0] else None, row[1]


def step_of(client: Packtrain, job_id: str) -> int:
    return client.progress(job_id)["current_steps"] or 0


def test_a_worker_that_was_stopped_for_two_minutes_writes_nothing(site: Site, tmp_path: Path) -> None:
    with (
        postgresql.running() as server,
        psycopg.connect(server.url.replace("+psycopg", "") + "/postgres", autocommit=True) as database,
        second_site(tmp_path / "stopped", site.lab, PACKTRAIN_DATABASE_URL=f"{server.url}/postgres") as own,
        own.client() as client,
        second_worker(own) as second,
    ):
        first = find_process(stack.pid_file(own.state, "worker"))
        assert first
        running = client.submit(config={**SHORT_RUN, "max_steps": 1_000_000})
        wait_for("first step", lambda: client.progress(running["id"])["current_steps"])
        assert lease(database)[0] == first.pid
        caught = client.submit(config=SHORT_RUN)  # maybe in the middle of being handed to Slurm
        first.freeze()
        woken_at = time.monotonic() + STOPPED_SECONDS
        try:
            wait_for("other driver", lambda: lease(database)[0] == second.pid or None, TAKEN_OVER_SECONDS)
            before = step_of(client, running["id"])
            wait_for("progress", lambda: step_of(client, running["id"]) > before or None)
            later = client.submit(config=SHORT_RUN)
            time.sleep(max(0.0, woken_at - time.monotonic()))
        finally:
            taken = lease(database)
            first.thaw()
        log = own.state / "worker.log"
        wait_for("word of the lost lease", lambda: any(map(says_lost, log.read_bytes().splitlines())) or None)
        for job in (caught, later):
            wait_status(client, job["id"], "succeeded")
        assert lease(database) == taken
        assert client.job(running["id"])["status"] == "running"
        client.cancel(running["id"])
        wait_status(client, running["id"], "cancelled")
        for job in (running, caught, later):
            assert len(own.sacct(job)) == 1
            names = [event["type"] for event in client.events(job["id"])]
            assert names.count("job.running") == names.count("job.pending") == 1, names
