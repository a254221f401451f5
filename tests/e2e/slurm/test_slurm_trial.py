"""Slurm itself is asked before a job is queued, and keeps nothing of it."""

from packtrain.client import Packtrain
from tests.e2e.site import SHORT_RUN, Site


def test_slurm_says_when_a_job_would_start_and_why_one_never_would(site: Site, client: Packtrain) -> None:
    ids = site.on_cluster("sacct -X -D -P -n -S now-1day -o JobIDRaw")
    good = client.validate(config=SHORT_RUN, resources={"gpus_per_node": 2})
    assert good["valid"], good["errors"]
    assert good["estimates"]
    assert good["estimates"]["starts_at"]
    refused = client.validate(config=SHORT_RUN, resources={"account": "nobody"})
    assert not refused["valid"]
    assert [error["loc"] for error in refused["errors"]] == [["body", "resources"]]
    assert "Invalid account" in refused["errors"][0]["message"]
    assert site.on_cluster("sacct -X -D -P -n -S now-1day -o JobIDRaw") == ids


def test_an_old_slurm_can_be_asked_too(old_site: Site) -> None:
    with old_site.client() as client:
        found = client.validate(config=SHORT_RUN)
    assert found["estimates"]
    assert found["estimates"]["starts_at"]
