"""Slurm 22.05 without accounting: many sites are like that."""

from tests.e2e.site import SHORT_RUN, Site, wait_for, wait_status


def test_a_run_succeeds(old_site: Site) -> None:
    with old_site.client() as client:
        job = client.submit(config=SHORT_RUN)
        ended = wait_status(client, job["id"], "succeeded")
        assert ended["result"]


def test_a_running_job_is_cancelled(old_site: Site) -> None:
    with old_site.client() as client:
        job = client.submit(config={**SHORT_RUN, "max_steps": 100_000})
        wait_for("first step", lambda: client.progress(job["id"])["current_steps"])
        client.cancel(job["id"])
        assert wait_status(client, job["id"], "cancelled")["failure"] is None


def test_the_cluster_is_described(old_site: Site) -> None:
    with old_site.client() as client:
        cluster = client.cluster("lab")
    assert (cluster["slurm_version"] or "").startswith("22.05")
    assert {partition["name"] for partition in cluster["partitions"]} >= {"gpu", "short"}
