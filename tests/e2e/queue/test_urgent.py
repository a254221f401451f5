"""An urgent job takes the GPU of a scavenger: that one saves, waits, and goes on with no step lost."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from container import image, lab
from container.lab import models
from packtrain.schema import JobFields
from tests.e2e.jobs.test_continuation import LONG, attempts, losses, wait_step
from tests.e2e.site import SHORT_RUN, Site, second_site, wait_status

STEPS, LOGGED = 1000, LONG["logging_steps"]
"""So many that it still runs when Slurm has said what the urgent job waits for, on a fast machine too."""


@pytest.fixture
def one_gpu(tmp_path: Path) -> Iterator[Site]:
    """A packtrain whose cluster has one GPU."""
    state = tmp_path / "one-gpu-lab"
    try:
        cluster = lab.up(lab.Profile.TRIXIE, state, image=image.build("cpu"), models=models.build(), cpus=4, gpus=1)
        cluster.run("scontrol", "update", "nodename=n2", "state=drain", "reason=one node is enough")
        with second_site(tmp_path / "one-gpu", cluster) as site:
            yield site
    finally:
        lab.down(state)


def of_class(job_class: Literal["urgent", "scavenger"], config: dict[str, Any]) -> JobFields:
    return {"class": job_class, "config": config}


def test_a_scavenger_gives_way_to_an_urgent_job_and_goes_on_with_no_step_lost(one_gpu: Site) -> None:
    with one_gpu.client() as client:
        scavenger = client.submit(**of_class("scavenger", {**LONG, "max_steps": STEPS}))
        wait_step(client, scavenger, 10)
        urgent = client.submit(**of_class("urgent", SHORT_RUN))
        done = wait_status(client, urgent["id"], "succeeded")
        ended = wait_status(client, scavenger["id"], "succeeded")
        told = [event["message"] for event in client.events(scavenger["id"])]
    assert [end for end, _ in attempts(ended)] == ["yielded", "succeeded"]
    last, resumed = ended["attempts"][0]["last_step"], ended["attempts"][1]["resumed_step"]
    assert 10 <= (last or 0) <= (resumed or 0), "what it had done was saved, and is not done again"
    assert str(ended["attempts"][1]["started_at"]) >= str(done["finished_at"])
    assert (ended["result"] or {})["steps"] == STEPS
    assert list(losses(one_gpu, ended)) == [1, *range(LOGGED, STEPS + 1, LOGGED)], "each logged step once"
    assert any("urgent" in message for message in told), told
