"""A database that is lost, and one of yesterday: every job is there again as it stands, and ran once."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from container import stack
from packtrain.client import Packtrain
from tests.e2e.site import SHORT_RUN, Site, second_site, wait_for, wait_status

LONG_RUN = {**SHORT_RUN, "max_steps": 1_000_000}


@pytest.fixture
def own(site: Site, tmp_path: Path) -> Iterator[Site]:
    """A packtrain for one test alone, on the lab."""
    with second_site(tmp_path / "lost", site.lab) as own:
        yield own


def settings(own: Site) -> Mapping[str, str]:
    return stack.settings(own.state, own.port)


def command(own: Site, *words: str) -> str:
    return stack.packtrain(words, settings(own))


def lose_database(own: Site) -> None:
    """Server and worker end, and their database is gone, with the token of `make up` in it."""
    stack.stop(own.state)
    for file in own.state.glob("packtrain.db*"):
        file.unlink()


def give_token(own: Site) -> None:
    """A new one for the administrator, in the place of that which is lost."""
    token = command(own, "token", "create", "admin", "--admin", "--quiet").strip()
    (own.state / "env").write_text(f"PACKTRAIN_URL={own.env()['PACKTRAIN_URL']}\nPACKTRAIN_TOKEN={token}\n")


def start(own: Site) -> None:
    stack.start(own.state, own.port, (own.state / "clusters.toml").read_text())


def submissions(own: Site, job_id: str) -> int:
    names = own.on_cluster("sacct -X -D -P -n -S now-1day -o JobName,JobIDRaw").splitlines()
    return len([name for name in names if name.startswith(job_id)])


def test_a_lost_database_is_made_again_from_the_cluster(own: Site) -> None:
    with own.client() as client:
        done = client.submit(config=SHORT_RUN, name="done before", tags={"team": "mt"})
        wait_status(client, done["id"], "succeeded")
        before = sorted(file["path"] for file in client.artifacts(done["id"]))
        runs = client.submit(config=LONG_RUN, name="runs on")
        wait_for("first step", lambda: client.progress(runs["id"])["current_steps"])
        client.submit(config=SHORT_RUN, held=True)  # Slurm never had it: nothing can bring it back
    lose_database(own)
    command(own, "migrate")
    give_token(own)
    shown = command(own, "recover", "lab")
    assert (shown.count("done before"), shown.count("runs on")) == (1, 1)
    command(own, "recover", "lab", "--apply")
    start(own)
    with own.client() as client:
        ended = wait_status(client, done["id"], "succeeded")
        assert (ended["name"], ended["owner"], ended["tags"]) == ("done before", "admin", {"team": "mt"})
        assert sorted(file["path"] for file in client.artifacts(done["id"])) == before
        assert (client.progress(done["id"])["current_steps"], len(ended["attempts"])) == (SHORT_RUN["max_steps"], 1)
        follows_on(client, runs["id"])
        client.cancel(runs["id"])
        wait_status(client, runs["id"], "cancelled")
        assert {job["id"] for job in client.jobs()["data"]} == {done["id"], runs["id"]}
    assert [submissions(own, job["id"]) for job in (done, runs)] == [1, 1]


def follows_on(client: Packtrain, job_id: str) -> None:
    """Its log is read on: the steps that are told become more."""
    wait_status(client, job_id, "running")
    told = wait_for("step", lambda: client.progress(job_id)["current_steps"])
    wait_for("further step", lambda: (client.progress(job_id)["current_steps"] or 0) > told or None)


def test_a_job_that_a_backup_has_queued_is_not_submitted_again(own: Site, tmp_path: Path) -> None:
    backup = str(tmp_path / "yesterday.tar")
    own.kill("worker")
    with own.client() as client:
        job = client.submit(config=SHORT_RUN)
        assert client.job(job["id"])["status"] == "queued"
        command(own, "backup", backup)
        own.start("worker")
        wait_status(client, job["id"], "succeeded")
        later = client.submit(config=SHORT_RUN, name="after the backup")
        wait_status(client, later["id"], "succeeded")
    lose_database(own)
    command(own, "restore", backup)
    command(own, "recover", "lab", "--apply")
    start(own)
    with own.client() as client:
        ended = wait_status(client, job["id"], "succeeded")
        assert (ended["result"] or {})["steps"] == SHORT_RUN["max_steps"]
        assert wait_status(client, later["id"], "succeeded")["name"] == "after the backup"
    assert [submissions(own, each["id"]) for each in (job, later)] == [1, 1]
