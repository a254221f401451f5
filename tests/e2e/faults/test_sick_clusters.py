"""What is wrong with a cluster is said, and nothing that was accepted is lost."""

import httpx
import pytest

from packtrain.client import Packtrain
from packtrain.schema import Job
from tests.e2e.site import SHORT_RUN, Site, wait_for, wait_status

SHORT_RUN_ON_PATH = {**SHORT_RUN, "model_name_or_path": "/srv/models/tiny-llama"}


def reason(client: Packtrain, job: Job, words: str) -> Job:
    def look() -> Job | None:
        now = client.job(job["id"])
        return now if words in (now["status_reason"] or "") else None

    return wait_for(f"reason with {words!r}", look)


def test_a_missing_image_fails_the_job_and_says_which(client: Packtrain) -> None:
    job = client.submit(config=SHORT_RUN_ON_PATH, resources={"cluster": "no-image"})
    ended = wait_status(client, job["id"], "failed")
    assert ended["failure"]
    assert (ended["failure"]["code"], ended["failure"]["retry"]) == ("container", None)
    assert any("/opt/packtrain/nowhere.sif is missing" in line for line in ended["failure"]["evidence"])


def test_a_full_disk_keeps_the_job_waiting_until_there_is_room(client: Packtrain, site: Site) -> None:
    site.lab.run("bash", "-c", "head -c 1M /dev/zero >/srv/full/filler || true; chmod 666 /srv/full/filler")
    job = client.submit(config=SHORT_RUN_ON_PATH, resources={"cluster": "full"})
    waiting = reason(client, job, "No space left")
    assert waiting["status"] == "queued"
    site.lab.run("bash", "-c", "rm /srv/full/filler; mount -o remount,size=256m /srv/full")
    wait_status(client, job["id"], "succeeded")
    assert len(site.sacct(job)) == 1


def test_a_changed_host_key_is_told_and_the_job_waits(client: Packtrain) -> None:
    job = client.submit(config=SHORT_RUN_ON_PATH, resources={"cluster": "changed-key"})
    cluster = wait_for(
        "unreachable cluster",
        lambda: found if (found := client.cluster("changed-key"))["unreachable_since"] else None,
    )
    assert "key" in (cluster["unreachable_reason"] or "")
    assert client.job(job["id"])["status"] == "queued"
    client.cancel(job["id"])


def test_what_slurm_refuses_fails_at_once_in_its_own_words(client: Packtrain) -> None:
    job = client.submit(config=SHORT_RUN, resources={"account": "nobody"})
    ended = wait_status(client, job["id"], "failed")
    assert ended["failure"]
    assert ended["failure"]["code"] == "submission_refused"
    assert "Invalid account" in ended["failure"]["message"]


def test_a_banner_on_every_command_does_no_harm(client: Packtrain, site: Site) -> None:
    greeting = "echo '*** Welcome to the lab, job 99 ***'"
    site.on_cluster(f'cp .bashrc .bashrc.old; (echo "{greeting}"; cat .bashrc.old) >.bashrc')
    try:
        job = client.submit(config=SHORT_RUN)
        assert wait_status(client, job["id"], "succeeded")["attempt"] == 1
    finally:
        site.on_cluster("mv .bashrc.old .bashrc")


@pytest.mark.parametrize("program", ["worker", "server"])
def test_a_killed_program_goes_on_where_it_was(client: Packtrain, site: Site, program: str) -> None:
    job = client.submit(config={**SHORT_RUN, "max_steps": 30})
    wait_status(client, job["id"], "running")
    site.kill(program)
    site.start(program)
    wait_for("answer", lambda: _answers(site))
    wait_status(client, job["id"], "succeeded")
    assert len(site.sacct(job)) == 1


def _answers(site: Site) -> bool | None:
    try:
        return True if httpx.get(f"http://127.0.0.1:{site.port}/readyz").is_success else None
    except httpx.TransportError:
        return None
