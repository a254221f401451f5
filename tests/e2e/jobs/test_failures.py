"""Runs that really fail say why, show it, and are retried as they advise."""

import re
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from packtrain.client import Packtrain
from packtrain.schema import Failure, Job, JobFields
from tests.e2e.site import SHORT_RUN, Site, wait_for, wait_status

BREAK_PROLOG = """
cp /etc/slurm/slurm.conf /etc/slurm/kept
echo Prolog=/bin/false >>/etc/slurm/slurm.conf
scontrol reconfigure
"""
MEND_PROLOG = """
[ ! -e /etc/slurm/kept ] || mv /etc/slurm/kept /etc/slurm/slurm.conf
scontrol reconfigure
for node in n1 n2; do scontrol update nodename=$node state=resume || true; done
"""
ENDLESS = {**SHORT_RUN, "max_steps": 100_000}


def failure_of(client: Packtrain, job: Job) -> Failure:
    failure = wait_status(client, job["id"], "failed")["failure"]
    assert failure
    assert 0 < len(failure["evidence"]) <= 10
    return failure


def retried(client: Packtrain, job: Job, failure: Failure) -> dict[str, Any]:
    """The new job of the advice, which is not let go."""
    advised = failure["retry"]
    assert advised is not None
    new = client.retry(job["id"], **cast(JobFields, {**advised, "held": True}))
    client.cancel(new["id"])
    return cast(dict[str, Any], new)


def test_a_time_limit_is_told_and_doubled(client: Packtrain) -> None:
    """Without its warning: with it a run saves and ends before Slurm has anything to say."""
    job = client.submit(config={**ENDLESS, "enable_jit_checkpoint": False}, resources={"time_limit": "00:01:00"})
    failure = failure_of(client, job)
    assert (failure["code"], failure["message"]) == ("timeout", "the time limit was reached")
    assert any("DUE TO TIME LIMIT" in line for line in failure["evidence"])
    assert retried(client, job, failure)["resources"]["time_limit"] == "00:02:00"


def test_a_killed_process_is_told_and_gets_more_memory(client: Packtrain, site: Site) -> None:
    job = client.submit(config=ENDLESS, resources={"memory": "2G"})
    wait_for("first step", lambda: client.progress(job["id"])["current_steps"])
    site.lab.run("bash", "-c", f"kill -KILL $(pgrep -n -f {job['id']}/1/[c]onfig.yaml)")
    failure = failure_of(client, job)
    assert failure["code"] == "killed"
    assert any("Killed" in line for line in failure["evidence"])
    assert retried(client, job, failure)["resources"]["memory"] == "4G"


@pytest.fixture
def broken_model(site: Site) -> Iterator[str]:
    """A model of the allowed folder with zeros at the head of its weights."""
    folder = "/srv/LLaMA-Factory/broken-model"
    spoil = f"dd if=/dev/zero of={folder}/model.safetensors bs=64 count=1 conv=notrunc"
    site.lab.run("bash", "-c", f"cp -r /srv/models/tiny-llama {folder}; chmod -R a+rX {folder}; {spoil}")
    yield folder
    site.lab.run("rm", "-r", folder)


def test_a_broken_model_is_told_and_not_tried_again(client: Packtrain, broken_model: str) -> None:
    job = client.submit(config={**SHORT_RUN, "model_name_or_path": broken_model})
    failure = failure_of(client, job)
    assert (failure["code"], failure["retry"]) == ("model_files", None)
    assert any("safetensors" in line.lower() for line in failure["evidence"])


@pytest.fixture
def prolog(site: Site) -> Iterator[Callable[[], None]]:
    """Fails on every node until it is mended."""

    def mend() -> None:
        site.lab.run("bash", "-c", MEND_PROLOG)

    site.lab.run("bash", "-c", BREAK_PROLOG)
    yield mend
    mend()


def test_a_prolog_that_fails_is_told_and_costs_no_attempt(client: Packtrain, prolog: Callable[[], None]) -> None:
    job = client.submit(config=SHORT_RUN, continuation={"max_attempts": 1})

    def failed_launch() -> Job | None:
        now = client.job(job["id"])
        return now if now["status"] == "queued" and "before it began" in (now["status_reason"] or "") else None

    waits = wait_for("failed launch", failed_launch)
    assert re.search("Slurm ended it on n[12] before it began .*sinfo -R", waits["status_reason"] or "")
    prolog()
    ended = wait_status(client, job["id"], "succeeded")
    assert len(ended["attempts"]) == 1
    assert [event["type"] for event in client.events(job["id"])].count("job.running") == 1


def test_a_full_disk_is_told(client: Packtrain, site: Site) -> None:
    """The output folder fills up while it trains."""
    job = client.submit(config={**SHORT_RUN, "max_steps": 2000, "save_steps": 20, "lora_rank": 64}, held=True)
    output = f"/home/packtrain/packtrain/jobs/{job['id']}/output"
    site.on_cluster(f"mkdir -p {output}")
    site.lab.run("mount", "-t", "tmpfs", "-o", "size=400k,mode=1777", "none", output)
    try:
        client.release(job["id"])
        failure = failure_of(client, job)
    finally:
        site.lab.run("umount", output)
    assert (failure["code"], failure["retry"]) == ("disk_full", None)
    assert any("No space left" in line for line in failure["evidence"])
