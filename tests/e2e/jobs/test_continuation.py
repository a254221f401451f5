"""Runs that outlive their time limit, their node, a preemption and a pause, on a real Slurm."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from packtrain.client import Packtrain
from packtrain.schema import Job
from tests.e2e.site import SHORT_RUN, Site, wait_for, wait_status

LONG: dict[str, Any] = {
    **SHORT_RUN,
    "dataset": "identity,alpaca_en_demo",
    "per_device_train_batch_size": 8,
    "max_steps": 400,
    "logging_steps": 5,
    "save_steps": 1000,
}
"""Half a minute or more; no checkpoint of its own before the end."""


BOOT_FAILED = """
import ctypes, glob, sys
slurm = ctypes.CDLL(glob.glob("/usr/lib/*/slurm-wlm/libslurmfull.so")[0], ctypes.RTLD_GLOBAL)
slurm.slurm_init(None)
slurm.slurm_requeue(int(sys.argv[1]), 1 << 17)  # JOB_RECONFIG_FAIL
"""
"""What a site's ResumeProgram tells slurmctld of a node that does not come up (slurm_requeue in slurm/slurm.h): a job
that may not be requeued, as ours, ends with BOOT_FAIL then (_job_requeue_op in slurmctld's job_mgr.c)."""


def wait_step(client: Packtrain, job: Job, step: int) -> None:
    wait_for(f"step {step}", lambda: (client.progress(job["id"])["current_steps"] or 0) >= step or None)


def attempts(job: Job) -> list[tuple[str | None, int | None]]:
    """(why it ended, where it had begun) of each attempt."""
    return [(attempt["ended_by"], attempt["resumed_step"]) for attempt in job["attempts"]]


def losses(site: Site, job: Job) -> dict[int, float]:
    series = site.get(f"jobs/{job['id']}/metrics").json()["series"]["loss"]
    return dict(zip(series["steps"], series["values"], strict=True))


@contextmanager
def closed_partition(site: Site) -> Iterator[None]:
    """Jobs of the partition gpu wait; those that run go on."""
    site.lab.run("scontrol", "update", "partitionname=gpu", "state=down")
    try:
        yield
    finally:
        site.lab.run("scontrol", "update", "partitionname=gpu", "state=up")


def wait_pending(client: Packtrain, job: Job, number: int) -> int:
    """The Slurm job of an attempt that waits."""

    def look() -> int | None:
        now = client.job(job["id"])
        assert now["status"] != "failed", now["failure"]
        return now["slurm_job_id"] if (now["attempt"], now["status"]) == (number, "pending") else None

    return wait_for(f"attempt {number} to wait", look)


def limit(site: Site, slurm_job_id: int, minutes: int) -> None:
    site.lab.run("scontrol", "update", f"jobid={slurm_job_id}", f"timelimit={minutes}")


def end_soon(site: Site, slurm_job_id: int) -> None:
    """The limit that Slurm holds comes in a minute, and its warning within half of it."""
    site.lab.run("scontrol", "update", f"jobid={slurm_job_id}", "endtime=now+60")


def test_a_run_goes_on_beyond_its_time_limit_as_if_there_were_none(site: Site, client: Packtrain) -> None:
    """Slurm warns a while before the limit: no step is lost.

    The limit is that of the script, a minute. Slurm is told of a longer one until the run has done some steps: how many
    it does in a minute is this machine's business.
    """
    config = {**LONG, "max_steps": 600}  # more than a quick machine does until it is warned
    with closed_partition(site):
        cut = client.submit(config=config, resources={"time_limit": "00:01:00"}, continuation={"max_attempts": 50})
        first = wait_pending(client, cut, 1)
        limit(site, first, 60)
    wait_step(client, cut, 10)
    with closed_partition(site):
        end_soon(site, first)
        second = wait_pending(client, cut, 2)
        limit(site, second, 60)
    seen: list[int] = []

    def watched() -> Job | None:
        seen.append(client.progress(cut["id"])["current_steps"] or 0)
        job = client.job(cut["id"])
        assert job["status"] != "failed", job["failure"]
        return job if job["status"] == "succeeded" else None

    ended = wait_for("end", watched)
    whole = client.submit(config=config, resources={"time_limit": "00:20:00"})  # afterwards: it would take time from it
    reference = wait_status(client, whole["id"], "succeeded")
    assert seen == sorted(seen), "progress never goes back"
    assert [end for end, _ in attempts(ended)] == ["timeout", "succeeded"]
    assert (ended["attempts"][1]["resumed_step"] or 0) >= (ended["attempts"][0]["last_step"] or 0) >= 10, "none twice"
    assert (ended["result"] or {})["steps"] == (reference["result"] or {})["steps"] == config["max_steps"]
    there, here = losses(site, reference), losses(site, ended)
    assert there.keys() == here.keys()
    assert sum(here.values()) == pytest.approx(sum(there.values()), rel=0.02)


@pytest.mark.parametrize("nodes", [1, 2])
def test_a_run_on_two_gpus_is_held_and_goes_on_where_it_stopped(site: Site, client: Packtrain, nodes: int) -> None:
    """All ranks stop at the same step; what looks like a newer checkpoint and is not whole is set aside."""
    job = client.submit(config={**LONG, "max_steps": 150}, resources={"gpus_per_node": 2, "nodes": nodes})
    wait_step(client, job, 10)
    client.hold(job["id"])
    held = wait_status(client, job["id"], "held")
    step = int(str(held["status_reason"]).split("checkpoint ")[1].split(" ")[0])
    assert 0 <= step - (held["attempts"][0]["last_step"] or 0) <= 10
    output = f"/home/packtrain/packtrain/jobs/{job['id']}/output"
    newest = f"{output}/checkpoint-{step}"
    site.on_cluster(f"cp -r {newest} {output}/checkpoint-149 && truncate -s -10 {output}/checkpoint-149/*.safetensors")
    client.release(job["id"])
    ended = wait_status(client, job["id"], "succeeded")
    assert attempts(ended) == [("held", 0), ("succeeded", step)]
    assert "checkpoint-149.1" in site.on_cluster(f"ls {output}/../set-aside")


def test_a_cancelled_run_may_keep_what_it_has_learned(client: Packtrain) -> None:
    job = client.submit(config=LONG)
    wait_step(client, job, 10)
    client.cancel(job["id"], save=True)
    wait_status(client, job["id"], "cancelled")
    assert client.checkpoints(job["id"])["data"]


@pytest.mark.parametrize("partition", ["preempt", "scavenge"])
def test_a_preempted_run_goes_on_from_its_newest_checkpoint(site: Site, client: Packtrain, partition: str) -> None:
    """By PreemptMode REQUEUE and CANCEL; who is preferred wants every GPU that there is."""
    job = client.submit(config={**LONG, "save_steps": 20}, resources={"partition": partition})
    wait_step(client, job, 30)
    site.on_cluster("sbatch --partition=gpu --nodes=2 --gres=gpu:4 --output=/dev/null --wrap='sleep 2'")
    wait_for("second attempt", lambda: client.job(job["id"])["attempt"] == 2 or None)
    assert attempts(client.job(job["id"]))[0][0] == "preempted"
    ended = wait_status(client, job["id"], "succeeded")
    assert (ended["attempts"][1]["resumed_step"] or 0) >= 20


def test_a_run_outlives_its_node(site: Site, client: Packtrain) -> None:
    job = client.submit(config={**LONG, "save_steps": 20})
    wait_step(client, job, 30)
    node = client.job(job["id"])["attempts"][0]["nodes"]
    site.lab.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    try:
        wait_for("second attempt", lambda: client.job(job["id"])["attempt"] == 2 or None)
    finally:
        # it may have come back by itself already: then there is nothing to resume
        back = f"scontrol update nodename={node} state=resume || sinfo -h -n {node} -t idle,mixed,alloc | grep -q ."
        site.lab.run("bash", "-c", back)
    ended = wait_status(client, job["id"], "succeeded")
    assert attempts(ended)[0][0] == "node_fail"
    assert (ended["attempts"][1]["resumed_step"] or 0) >= 20


def test_a_run_outlives_a_failed_boot(site: Site, client: Packtrain) -> None:
    job = client.submit(config={**LONG, "save_steps": 20})
    wait_step(client, job, 30)
    slurm_job_id = client.job(job["id"])["slurm_job_id"]
    site.lab.run("python3", "-c", BOOT_FAILED, str(slurm_job_id))
    wait_for("second attempt", lambda: client.job(job["id"])["attempt"] == 2 or None)
    ended = wait_status(client, job["id"], "succeeded")
    assert site.on_cluster(f"sacct -X -n -P -j {slurm_job_id} -o State").split() == ["BOOT_FAIL"]
    assert attempts(ended)[0][0] == "node_fail"
    assert (ended["attempts"][1]["resumed_step"] or 0) >= 20


def test_a_time_limit_alone_ends_the_run_and_says_what_would_let_it_go_on(site: Site, client: Packtrain) -> None:
    with closed_partition(site):
        job = client.submit(config={**LONG, "max_steps": 100_000}, resources={"time_limit": "00:01:00"})
        slurm_job_id = wait_pending(client, job, 1)
        limit(site, slurm_job_id, 60)
    wait_step(client, job, 10)
    end_soon(site, slurm_job_id)
    ended = wait_status(client, job["id"], "failed")
    failure = ended["failure"]
    assert failure
    assert (failure["code"], "continuation" in str(failure["hint"])) == ("timeout", True)
    assert client.checkpoints(job["id"])["data"], "it was warned, and saved"
