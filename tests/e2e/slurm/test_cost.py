"""What it costs the login node."""

import time

from packtrain.client import Packtrain
from tests.e2e.site import SHORT_RUN, Site, wait_for, wait_status

POLL_SECONDS = 2.0  # the lab's


def commands(site: Site) -> int:
    count: int = site.get("clusters/lab").json()["commands"]["commands"]
    return count


def connections(site: Site) -> int:
    """SSH connections of the service account, seen from the cluster."""
    return int(site.lab.run("bash", "-c", "pgrep -fc 'packtrain@notty' || true"))


def test_readers_cause_no_remote_command_and_a_cycle_costs_at_most_three(client: Packtrain, site: Site) -> None:
    jobs = [client.submit(config=SHORT_RUN) for _ in range(3)]
    wait_for("first step", lambda: client.progress(jobs[0]["id"])["current_steps"])
    begun, before, opened = time.monotonic(), commands(site), connections(site)
    for _ in range(30):
        for job in jobs:
            client.job(job["id"])
            client.progress(job["id"])
            for what in ("metrics", "events", "logs?stream=stderr&tail=5"):
                site.get(f"jobs/{job['id']}/{what}")
    cycles = (time.monotonic() - begun) / POLL_SECONDS + 2
    once_a_minute = 1 + cycles * POLL_SECONDS / 60
    assert commands(site) - before <= 3 * cycles + once_a_minute
    assert connections(site) == opened
    for job in jobs:
        wait_status(client, job["id"], "succeeded")
