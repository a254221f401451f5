"""Runs that outlive their time limit, their node, a preemption and a pause, on a real Slurm."""

from typing import Any

import pytest

from client.api import Packtrain
from client.payloads import Job
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


def test_a_run_goes_on_beyond_its_time_limit_as_if_there_were_none(site: Site, client: Packtrain) -> None:
    """The limit is a minute and Slurm's warning comes after half of it or more: no step is lost."""
    config = {**LONG, "max_steps": 600}  # warned half a minute before the limit: a quick machine does half of it
    cut = client.submit(config=config, resources={"time_limit": "00:01:00"}, continuation={"max_attempts": 50})
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
    ends = [end for end, _ in attempts(ended)]
    assert ends == ["timeout"] * (len(ends) - 1) + ["succeeded"]
    assert len(ends) >= 2
    begins = [begin or 0 for _, begin in attempts(ended)]
    for number, begin in enumerate(begins[1:]):
        assert begin >= (ended["attempts"][number]["last_step"] or 0), "nothing that was logged is done again"
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


def test_a_time_limit_alone_ends_the_run_and_says_what_would_let_it_go_on(client: Packtrain) -> None:
    job = client.submit(config={**LONG, "max_steps": 100_000}, resources={"time_limit": "00:01:00"})
    ended = wait_status(client, job["id"], "failed")
    failure = ended["failure"]
    assert failure
    assert (failure["code"], "continuation" in str(failure["hint"])) == ("timeout", True)
    assert client.checkpoints(job["id"])["data"], "it was warned, and saved"
