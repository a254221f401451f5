"""A one-minute job that starts the image on a compute node: what the login node cannot tell."""

import re
import shlex
import time
from collections.abc import Callable

from ops.doctor.check import Answer, Check, framed, unframed
from ops.doctor.container_command import after_prelude
from tuning.jobs.attempt.batch_script import CONTAINER_FLAGS
from tuning.settings import ClusterSettings
from tuning.site_settings import option_words
from tuning.ssh.transport import Transport

_NAME = "test job"
_WORKED = "packtrain-doctor-worked"
_WAIT_SECONDS = 600
_POLL_SECONDS = 5
_WAITING = ("PENDING", "CONFIGURING")
_ALIVE = (*_WAITING, "RUNNING", "COMPLETING")


def submit_script(cluster: ClusterSettings) -> str:
    """The sbatch line of the trial, with the defaults that real jobs get."""
    defaults = cluster.defaults
    gpu_flag = [] if cluster.container_gpu_flag == "none" else [cluster.container_gpu_flag]
    container = shlex.join([cluster.container_command, "exec", *CONTAINER_FLAGS, *gpu_flag, cluster.image, "true"])
    payload = after_prelude(cluster, container)
    options = {
        "--job-name": "packtrain-doctor",
        "--time": "1",
        "--nodes": "1",
        "--output": f"{cluster.root}/doctor-%j.log",
        "--partition": defaults.partition,
        "--account": defaults.account,
        "--qos": defaults.qos,
        "--gpus-per-node": "1" if defaults.gpus_per_node and cluster.gpu_request != "none" else None,
        "--wrap": f"{payload} && echo {_WORKED}",
    }
    words = [f"{name}={text}" for name, text in options.items() if text]
    return shlex.join(["sbatch", "--parsable", *option_words(cluster.sbatch_options), *words])


def run_trial(
    transport: Transport, cluster: ClusterSettings, boundary: str, sleep: Callable[[float], None] = time.sleep
) -> Check:
    """Submit the trial and wait for it, at most ten minutes; then it is cancelled. Raises ClusterError."""

    def run(script: str) -> Answer:
        return unframed(transport.run(framed(script, boundary), timeout_seconds=60.0), boundary)

    submitted = run(submit_script(cluster))
    found = re.findall(r"^(\d+)(?:;\S+)?$", submitted.stdout, re.MULTILINE)
    if submitted.exit_status != 0 or not found:
        return Check(_NAME, "failed", submitted.complaint, f"correct [clusters.{cluster.name}.defaults]")
    job = found[-1]
    state, reason = "PENDING", ""
    for _ in range(_WAIT_SECONDS // _POLL_SECONDS):
        sleep(_POLL_SECONDS)
        state, _, reason = run(f"squeue -a -h -t all -j {job} -o '%T %r'").stdout.strip().partition(" ")
        if state not in _ALIVE:
            break
    if state in _ALIVE:
        run(f"scancel {job}")
        return Check(_NAME, "warning", f"{job} was still {state} after {_WAIT_SECONDS // 60} min ({reason}): cancelled")
    log = shlex.quote(f"{cluster.root}/doctor-{job}.log")
    return trial_check(job, state, run(f"cat {log} && rm -f {log}"))


def trial_check(job: str, state: str, log: Answer) -> Check:
    """The check of the trial's log; `state` is the last that Slurm said, empty when it has forgotten the job."""
    lines = log.stdout.splitlines()
    if _WORKED in lines:
        return Check(_NAME, "ok", f"Slurm job {job} started the image on a compute node")
    last = lines[-1] if lines else log.complaint
    return Check(_NAME, "failed", f"Slurm job {job} ended {state or 'somehow'}: {last}", "correct this on the nodes")
