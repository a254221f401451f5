"""A cluster that does not answer, or not the truth: no job ends wrongly, none is lost, and all is right afterwards."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from packtrain.client import Packtrain
from packtrain.schema import Job
from tests.e2e.site import SHORT_RUN, Site, wait_for, wait_status

FAULT_SECONDS = 12.0
"""Some cycles of two seconds, and longer than Slurm's commands wait for their controller."""
DAEMONS = {
    "slurmctld frozen": ("kill -STOP $(pidof slurmctld)", "kill -CONT $(pidof slurmctld)", True),
    "slurmctld down": ("kill -KILL $(pidof slurmctld)", "/opt/lab/start.sh slurmctld", True),
    "slurmdbd down": ("kill -KILL $(pidof slurmdbd)", "/opt/lab/start.sh slurmdbd", False),
    "sshd down": ("pkill -KILL sshd", "/opt/lab/start.sh sshd", True),
}
"""The fault, its end, and whether the cluster cannot be asked meanwhile."""
SQUEUES = {
    "empty": ("exit 0", False),
    "no answer": ("echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1", True),
    "slow": ('sleep 4; exec /usr/bin/squeue "$@"', False),
    "garbage": (r"printf 'x\x1f|\n\n7\x1fRUNNING\n\xff\xfe'", False),
    "says that all were cancelled": ('/usr/bin/squeue "$@" | sed s/RUNNING/CANCELLED/', False),
}
"""What stands before Slurm's own squeue on the account's PATH, and whether it counts as no answer."""


@pytest.fixture(scope="module")
def running(site: Site) -> Iterator[Job]:
    """A training that does not end by itself."""
    with site.client() as client:
        job = client.submit(config={**SHORT_RUN, "max_steps": 1_000_000})
        wait_for("first step", lambda: client.progress(job["id"])["current_steps"])
        yield job
        client.cancel(job["id"])
        wait_status(client, job["id"], "cancelled")


def lives_on(client: Packtrain, job: Job) -> None:
    """It was never said to be anything but running, and goes on."""
    assert client.job(job["id"])["status"] == "running"
    before = client.progress(job["id"])["current_steps"] or 0
    wait_for("next step", lambda: (client.progress(job["id"])["current_steps"] or 0) > before or None)
    told = wait_for("reached cluster", lambda: None if client.job(job["id"])["unreachable_since"] else True)
    assert told
    names = [event["type"] for event in client.events(job["id"]) if event["type"] != "checkpoint.saved"]
    assert names[-1] == "job.running", names


def while_it_lasts(client: Packtrain, job: Job, *, is_away: bool) -> None:
    deadline, was_away = time.monotonic() + FAULT_SECONDS, False
    while time.monotonic() < deadline:
        now = client.job(job["id"])
        assert now["status"] == "running"
        was_away = was_away or now["unreachable_since"] is not None
        time.sleep(0.5)
    if is_away:
        wait_for("unreachable cluster", lambda: client.job(job["id"])["unreachable_since"])
    assert was_away <= is_away


@pytest.mark.parametrize("fault", DAEMONS)
def test_a_daemon_that_is_gone_ends_no_job(site: Site, client: Packtrain, running: Job, fault: str) -> None:
    strike, undo, is_away = DAEMONS[fault]
    site.lab.run("bash", "-c", strike)
    try:
        while_it_lasts(client, running, is_away=is_away)
    finally:
        site.lab.run("bash", "-c", undo)
    lives_on(client, running)


@pytest.mark.parametrize("answer", SQUEUES)
def test_a_wrong_answer_of_squeue_ends_no_job(site: Site, client: Packtrain, running: Job, answer: str) -> None:
    program, is_away = SQUEUES[answer]
    script = f"#!/bin/bash\n{program}\n"
    site.lab.run("bash", "-c", f"cat >/usr/local/bin/squeue <<'END'\n{script}END\nchmod 755 /usr/local/bin/squeue")
    try:
        while_it_lasts(client, running, is_away=is_away)
    finally:
        site.lab.run("rm", "/usr/local/bin/squeue")
    lives_on(client, running)


def test_a_database_that_is_locked_for_half_a_minute_ends_no_job(site: Site, client: Packtrain, running: Job) -> None:
    """Longer than the thirty seconds for which everybody waits for it."""
    with closing(sqlite3.connect(site.state / "packtrain.db", isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        time.sleep(35)
        database.execute("ROLLBACK")
    lives_on(client, running)


def test_a_job_that_ended_while_nobody_looked_and_slurm_has_forgotten_it(site: Site, client: Packtrain) -> None:
    """squeue and sacct know nothing of it any more: its own record tells."""
    job = client.submit(config=SHORT_RUN)
    wait_status(client, job["id"], "running")
    site.kill("worker")
    site.lab.run("bash", "-c", "printf '#!/bin/bash\\nexit 0\\n' | tee /usr/local/bin/squeue >/usr/local/bin/sacct")
    try:
        site.lab.run("chmod", "755", "/usr/local/bin/squeue", "/usr/local/bin/sacct")
        left = f"/home/packtrain/packtrain/jobs/{job['id']}/1/exit"
        site.on_cluster(f"for _ in $(seq 120); do [ -e {left} ] && break; sleep 1; done")
        site.start("worker")
        assert wait_status(client, job["id"], "succeeded")["attempt"] == 1
    finally:
        site.lab.run("rm", "/usr/local/bin/squeue", "/usr/local/bin/sacct")
