"""A folder that stands for a compute node: the rendered batch script, with stand-ins for what it calls."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuning.jobs.attempt.batch_script import Directives, RunPlan, render_script
from tuning.llamafactory.inside import PROGRAMS_FILE, programs

STAND_INS = {
    # As the real ones: srun kills its tasks when it is asked to end, and scancel's signal is the tasks'.
    "srun": """while [ "$1" != bash ]; do shift; done
        trap 'kill -KILL $task; exit 137' TERM
        SLURM_NODEID=0 "$@" & task=$!; echo $task >"$RAN.task"; wait $task""",
    "scancel": 'kill "-${1#--signal=}" "$(cat "$RAN.task")"',
    "scontrol": "echo n1",
    "getent": '[ "$2" = "${RESOLVES-n1}" ]',
    "apptainer": """echo "$@" >"$RAN.arguments"; env >"$RAN.env"; ls -R "$TMPDIR" >"$RAN.scratch"
        while [ "$1" != python3 ]; do shift; done
        while IFS= read -r line; do export "$line"; done < <(env | sed -n 's/^APPTAINERENV_PACKTRAIN_/PACKTRAIN_/p')
        exec "$@\"""",
    "llamafactory-cli": 'trap "exit 9" TERM; echo "$@" >"$RAN"; eval "$PAYLOAD"',
}


class Node:
    """A folder that stands for a compute node: the rendered script, and stand-ins for what it calls."""

    def __init__(self, folder: Path, gpus_per_node: int = 1, **more: Any) -> None:
        self.root, self.image, self.ran = folder / "root", folder / "image.sif", folder / "ran"
        self.attempt, self.output = self.root / "jobs/job_1/1", self.root / "jobs/job_1/output"
        self.attempt.mkdir(parents=True)
        (self.root / "datasets").mkdir()
        (self.attempt / PROGRAMS_FILE).write_bytes(programs())
        self.image.touch()
        self.scratch = folder / "scratch"
        for name in ("bin", "scratch"):
            (folder / name).mkdir()
        for name, body in STAND_INS.items():
            (folder / "bin" / name).write_text(f"#!/bin/bash\n{body}\n")
            (folder / "bin" / name).chmod(0o755)
        flag = more.pop("gpu_flag", "--nv")
        run = RunPlan(
            root=str(self.root),
            attempt_directory=str(self.attempt),
            output_directory=str(self.output),
            image=str(self.image),
            workdir="/mnt",
            gpu_flag=flag,
            environment={"A": "x y,z"},
        )
        directives = Directives("10", gpus_per_node=gpus_per_node, cpus_per_gpu=2)
        self.spooled = folder / "slurm_script"
        self.spooled.write_text(render_script(directives, replace(run, **more)))
        self.path = f"{folder / 'bin'}:{os.environ['PATH']}"
        self.environment: Mapping[str, str] = {}
        """What the site's profile sets beside it."""

    def start(self, payload: str, slurm_job_id: int = 7, **more: str) -> subprocess.Popen[str]:
        environment: Mapping[str, str] = {
            "PATH": self.path,
            "RAN": str(self.ran),
            "PAYLOAD": payload,
            "SLURM_JOB_ID": str(slurm_job_id),
            "SLURM_JOB_NUM_NODES": "1",
            "SLURM_JOB_NODELIST": "n1",
            "CUDA_VISIBLE_DEVICES": "0,1",
            "PYTHONPATH": "/evil",
            "TMPDIR": str(self.scratch),
            **self.environment,
            **more,
        }
        return subprocess.Popen(["bash", str(self.spooled)], env=dict(environment), text=True, stderr=subprocess.PIPE)

    def run(self, payload: str, slurm_job_id: int = 7, **more: str) -> tuple[int, str]:
        process = self.start(payload, slurm_job_id, **more)
        _, stderr = process.communicate(timeout=120)
        return process.returncode, stderr
