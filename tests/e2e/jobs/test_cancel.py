"""Cancelling works at every moment, and is confirmed by Slurm."""

from collections.abc import Iterator
from contextlib import contextmanager

from packtrain.client import Packtrain
from packtrain.schema import Job
from tests.e2e.site import ENDED, SHORT_RUN, Site, wait_for, wait_status

LONG_RUN = {**SHORT_RUN, "max_steps": 100_000}


@contextmanager
def drained(site: Site) -> Iterator[None]:
    """No node takes a job."""
    site.lab.run("scontrol", "update", "nodename=n[1-2]", "state=drain", "reason=test")
    try:
        yield
    finally:
        site.lab.run("scontrol", "update", "nodename=n[1-2]", "state=resume")


def slurm_state(site: Site, job: Job) -> str:
    return site.on_cluster(f"sacct -X -n -P -o State -j {job['slurm_job_id']}").strip()


def test_a_held_job_is_cancelled_at_once(client: Packtrain, site: Site) -> None:
    job = client.submit(config=LONG_RUN, held=True)
    assert client.cancel(job["id"])["status"] == "cancelled"
    assert site.sacct(job) == []


def test_a_job_that_was_just_submitted_never_runs_on(client: Packtrain, site: Site) -> None:
    job = client.submit(config=LONG_RUN)
    client.cancel(job["id"])
    wait_status(client, job["id"], "cancelled")
    assert site.on_cluster("squeue -h -u packtrain -t PD,R,CG -o %j").count(job["id"]) == 0


def test_a_pending_job_shows_slurms_reason_and_can_be_cancelled(client: Packtrain, site: Site) -> None:
    with drained(site):
        job = client.submit(config=LONG_RUN)

        def waits_with_a_reason() -> Job | None:
            now = client.job(job["id"])
            return now if now["status"] == "pending" and now["slurm_reason"] else None

        pending = wait_for("reason", waits_with_a_reason)
        assert pending["slurm_state"] == "PENDING"
        client.cancel(job["id"])
        ended = wait_status(client, job["id"], "cancelled")
    assert ended["slurm_job_id"] == pending["slurm_job_id"]
    assert slurm_state(site, ended).startswith("CANCELLED")


def test_a_running_job_is_stopped(client: Packtrain, site: Site) -> None:
    job = client.submit(config=LONG_RUN)
    wait_for("first step", lambda: client.progress(job["id"])["current_steps"])
    asked = client.cancel(job["id"])
    assert asked["status"] == "running"
    assert asked["cancel_requested_at"]
    ended = wait_status(client, job["id"], "cancelled")
    assert slurm_state(site, ended).startswith("CANCELLED")


def test_cancelling_while_it_ends_is_told_as_it_was(client: Packtrain) -> None:
    job = client.submit(config=SHORT_RUN)

    def at_its_end() -> bool | None:
        progress = client.progress(job["id"])
        return True if progress["current_steps"] == 6 or progress["status"] in ENDED else None

    wait_for("end", at_its_end)
    if client.job(job["id"])["status"] not in ENDED:
        client.cancel(job["id"])
    assert wait_status(client, job["id"], "succeeded", "cancelled")["status"] in ("succeeded", "cancelled")


def test_cancelled_in_slurm_by_somebody_else_is_said_so(client: Packtrain, site: Site) -> None:
    with drained(site):
        job = client.submit(config=LONG_RUN)
        pending = wait_status(client, job["id"], "pending")
        site.on_cluster(f"scancel {pending['slurm_job_id']}")
        ended = wait_status(client, job["id"], "cancelled")
    assert "somebody else" in (ended["status_reason"] or "")
