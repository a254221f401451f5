"""submitit, on the login node itself: it knows no SSH. Argument: a folder that the nodes share."""

import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import submitit

from tests.bench.peers.orders import Poll, serve

PARAMETERS = {"slurm_partition": "gpu", "mem_gb": 1, "cpus_per_task": 1, "timeout_min": 5}


class Submitit:
    """Each job by `executor.submit`, as jobs that have nothing to do with each other are."""

    def __init__(self, folder: Path) -> None:
        self._executor = submitit.AutoExecutor(folder=folder / "%j", cluster="slurm")
        self._executor.update_parameters(**PARAMETERS)
        self._jobs: list[Any] = []

    def submit(self, count: int) -> float:
        """One sbatch a job."""
        began = time.monotonic()
        self._jobs = [self._executor.submit(time.sleep, 1) for _ in range(count)]
        return time.monotonic() - began

    def poll(self, times: int) -> Poll:
        """One sacct for all, when its watcher finds that it is time; `update` says that it is."""
        seconds = []
        for _ in range(times):
            began = time.monotonic()
            self._jobs[0].watcher.update()
            states = [job.state for job in self._jobs]
            seconds.append(time.monotonic() - began)
            sys.stderr.write(f"{states}\n")
        return Poll(seconds, times)

    def forget(self) -> None:
        """Nothing is done for jobs that nobody asks about."""
        self._jobs = []


class SubmititArray(Submitit):
    """All jobs at once by `executor.map_array`, as its own guide advises: one array, so one sbatch and one setting."""

    def submit(self, count: int) -> float:
        """One sbatch for all."""
        began = time.monotonic()
        self._jobs = self._executor.map_array(time.sleep, [1] * count)
        return time.monotonic() - began


if __name__ == "__main__":
    kind = SubmititArray if sys.argv[1] == "array" else Submitit
    serve(f"submitit {version('submitit')}", kind(Path(sys.argv[2])))
