"""A controller that lost its state gives the numbers of our jobs to others: those are not ours to tell of or to end."""

from collections.abc import Iterator
from contextlib import contextmanager

from packtrain.client import Packtrain
from packtrain.schema import Job
from tests.e2e.site import SHORT_RUN, Site, wait_for, wait_status

ENDLESS = {**SHORT_RUN, "max_steps": 1_000_000}
CONFIGURATION = "/etc/slurm/slurm.conf"
FORGET = f"""
echo FirstJobId={{first}} >>{CONFIGURATION}
kill -KILL $(pidof slurmctld)
rm -rf /var/spool/slurmctld/*
setpriv --reuid slurm --regid slurm --init-groups slurmctld -c
"""


@contextmanager
def numbers_given_again(site: Site, first: int) -> Iterator[None]:
    """A slurmctld without any memory, whose next job has this number."""
    site.lab.run("bash", "-c", FORGET.format(first=first))
    wait_for("both nodes", lambda: "idle" in site.lab.run("bash", "-c", "sinfo -h -o %T -p gpu || true") or None)
    try:
        yield
    finally:
        site.lab.run("sed", "-i", "/^FirstJobId/d", CONFIGURATION)


def strangers(site: Site, first: int, last: int) -> None:
    """Jobs with these numbers: the first is another user's, the others are the service account's, by hand."""
    line = "sbatch --parsable --output=/dev/null --mem=100M --wrap='sleep 3600'"
    for number in range(first, last + 1):
        given = site.lab.run("bash", "-c", line) if number == first else site.on_cluster(line)
        assert int(given) == number
    wait_for("strangers", lambda: states(site, first, last) == {"RUNNING"} or None)


def states(site: Site, first: int, last: int) -> set[str]:
    ids = ",".join(str(number) for number in range(first, last + 1))
    return set(site.lab.run("squeue", "-h", "-o", "%T", "-j", ids).split())


def running(client: Packtrain) -> Job:
    job = client.submit(config=ENDLESS)
    wait_for("first step", lambda: client.progress(job["id"])["current_steps"])
    return client.job(job["id"])


def test_a_number_that_was_given_again_is_a_strangers(site: Site, client: Packtrain) -> None:
    unwanted, wanted = running(client), running(client)
    first, last = int(unwanted["slurm_job_id"] or 0), int(wanted["slurm_job_id"] or 0)
    assert 0 < first < last
    with numbers_given_again(site, first):
        wait_for("end of our runs", lambda: None if "slurmstepd" in site.lab.run("ps", "-e", "-o", "args") else True)
        strangers(site, first, last)
        client.cancel(unwanted["id"])
        wait_status(client, unwanted["id"], "cancelled")
        wait_for("second attempt", lambda: client.job(wanted["id"])["attempt"] == 2 or None)
        assert client.job(wanted["id"])["attempts"][0]["ended_by"] == "node_fail"
        wait_status(client, wanted["id"], "running")
        assert states(site, first, last) == {"RUNNING"}
        client.cancel(wanted["id"])
        wait_status(client, wanted["id"], "cancelled")
        assert states(site, first, last) == {"RUNNING"}
        site.lab.run("scancel", *(str(number) for number in range(first, last + 1)))
