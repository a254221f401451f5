"""A controller that was killed before it saved what it had accepted: that is submitted again, and runs once."""

from collections.abc import Iterator
from contextlib import contextmanager

from packtrain.client import Packtrain
from tests.e2e.site import SHORT_RUN, Site, wait_for, wait_status

SPOOL, SAVED = "/var/spool/slurmctld", "/var/spool/slurmctld.saved"
FORGET = f"""
kill -KILL $(pidof slurmctld)
while pidof slurmctld >/dev/null; do sleep 0.1; done
rm -rf {SPOOL} && mv {SAVED} {SPOOL}
/opt/lab/start.sh slurmctld
"""


@contextmanager
def no_node_free(site: Site) -> Iterator[None]:
    """Nothing starts; what is running goes on."""
    site.lab.run("scontrol", "update", "NodeName=ALL", "State=DRAIN", "Reason=test")
    try:
        yield
    finally:
        # refused where the controller has forgotten that, too
        site.lab.run("bash", "-c", "scontrol update NodeName=ALL State=RESUME || true")


def test_jobs_that_the_controller_forgot_are_submitted_or_cancelled(site: Site, client: Packtrain) -> None:
    with no_node_free(site):
        site.lab.run("cp", "-a", SPOOL, SAVED)
        wanted, unwanted = client.submit(config=SHORT_RUN), client.submit(config=SHORT_RUN)
        for job in (wanted, unwanted):
            wait_status(client, job["id"], "pending")
        site.lab.run("bash", "-c", FORGET)
        client.cancel(unwanted["id"])
        wait_status(client, unwanted["id"], "cancelled")
        wait_for("second submission", lambda: client.job(wanted["id"])["attempt"] == 2 or None)
    ended = wait_status(client, wanted["id"], "succeeded")
    assert len(ended["attempts"]) == 1, "what Slurm forgot was no attempt"
    assert [event["type"] for event in client.events(wanted["id"])].count("job.running") == 1
