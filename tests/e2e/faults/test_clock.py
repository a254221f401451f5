"""A cluster whose clock is ten minutes off: every time that people read is by ours, and nothing ends wrongly."""

import time
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from container import image, lab
from container.lab import models
from packtrain.client import Packtrain
from packtrain.schema import Job
from tests.e2e.site import SHORT_RUN, second_site, wait_for, wait_status

OFF_SECONDS = 600
SLACK_SECONDS = 30.0
"""Far less than the clocks differ, and more than a slow machine takes to answer."""
CONFIG: dict[str, Any] = {**SHORT_RUN, "max_steps": 150, "logging_steps": 5, "per_device_train_batch_size": 4}
# What is in this file is loaded into every program that is started from then on. Not into munged, which hangs with it:
# it goes on as it was, and by its own clock.
SHIFT = """
echo {} >/etc/faketimerc
echo /usr/lib/*/faketime/libfaketimeMT.so.1 >/etc/ld.so.preload
pkill -KILL 'slurmdbd|slurmctld|slurmd|sshd'
rm -f /run/slurm/*.pid
timeout 60 /opt/lab/start.sh slurmdbd slurmctld n1 n2 sshd
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Lab]:
    """A lab of its own: its daemons, and all that they start, are told a wrong time."""
    state = tmp_path_factory.mktemp("clock-lab")
    try:
        yield lab.up(lab.Profile.TRIXIE, state, image=image.build("cpu"), models=models.build())
    finally:
        lab.down(state)


def epoch(text: str | None) -> float:
    assert text
    return datetime.fromisoformat(text).timestamp()


def at_step(client: Packtrain, job: Job, step: int) -> None:
    """While it runs its progress tells no nonsense."""

    def look() -> bool | None:
        now = client.progress(job["id"])
        assert now["stalled_since"] is None
        if now["eta_seconds"] is not None and now["status"] == "running":
            assert 0 <= now["eta_seconds"] < OFF_SECONDS / 2
            assert abs(epoch(now["expected_end_at"]) - time.time() - now["eta_seconds"]) < SLACK_SECONDS
        assert (now["elapsed_seconds"] or 0) < OFF_SECONDS / 2
        return True if (now["current_steps"] or 0) >= step else None

    wait_for(f"step {step}", look)


@pytest.mark.parametrize("off", [-OFF_SECONDS, OFF_SECONDS])
def test_a_run_is_told_by_our_clock_and_goes_on_by_its_own(cluster: lab.Lab, tmp_path: Path, off: int) -> None:
    cluster.run("bash", "-c", SHIFT.format(f"{off:+d}s"))
    with second_site(tmp_path / "clock", cluster) as own, own.client() as client:
        there = float(own.on_cluster("date +%s"))
        assert abs(there - time.time() - off) < SLACK_SECONDS, "the clock is off"
        began = time.time()
        job = client.submit(config=CONFIG)
        at_step(client, job, 10)
        client.hold(job["id"])
        wait_status(client, job["id"], "held")
        client.release(job["id"])
        ended = wait_status(client, job["id"], "succeeded")
        assert [attempt["ended_by"] for attempt in ended["attempts"]] == ["held", "succeeded"]
        assert (ended["attempts"][1]["resumed_step"] or 0) >= 10
        moments = [began, epoch(ended["created_at"])]
        for attempt in ended["attempts"]:
            moments += [epoch(attempt["started_at"]), epoch(attempt["finished_at"])]
        moments += [epoch(ended["finished_at"]), time.time()]
        for earlier, later in pairwise(moments):
            assert earlier <= later + SLACK_SECONDS, moments
