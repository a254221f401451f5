"""NeMo-Run with its SSHTunnel. Arguments: host, port, user, key file, a folder on the cluster, and how many threads.

Without a number of threads it has its defaults; with one, it does not poll for estimated start times either, which is
a session more for each pending job.
"""

import sys
import time
from importlib.metadata import version
from typing import Any

import nemo_run

from tests.bench.peers.orders import Poll, serve


class NemoRun:
    """An experiment of so many tasks, detached, as its guides have it; only the packing of code is left out."""

    def __init__(self, host: str, port: str, user: str, key_file: str, folder: str, threads: str = "") -> None:
        self._tunnel = {"host": host, "port": int(port), "user": user, "identity": key_file, "job_dir": folder}
        self._experiment: Any = None
        self._options = {"threadpool_workers": int(threads)} if threads else {}

    def submit(self, count: int) -> float:
        """From the empty experiment to the last job's number; each experiment makes its own connection."""
        self.forget()
        experiment = nemo_run.Experiment(
            "peer", skip_status_at_exit=True, enable_goodbye_message=False, **self._options
        )
        self._experiment = experiment.__enter__()
        began = time.monotonic()
        for _ in range(count):
            experiment.add(nemo_run.Script(inline="sleep 1"), executor=self._executor(), name="task")
        experiment.run(detach=True)
        return time.monotonic() - began

    def poll(self, times: int) -> Poll:
        """The experiment's own status, which asks for each job."""
        seconds = []
        for _ in range(times):
            began = time.monotonic()
            states = self._experiment.status(return_dict=True)
            seconds.append(time.monotonic() - began)
            sys.stderr.write(f"{[str(job['status']) for job in states.values()]}\n")
        return Poll(seconds, times)

    def forget(self) -> None:
        """Detach, which ends the threads that ask for the start of pending jobs."""
        if self._experiment is not None:
            self._experiment.__exit__(None, None, None)
            self._experiment = None

    def _executor(self) -> Any:
        return nemo_run.SlurmExecutor(
            account="lab",
            partition="gpu",
            cpus_per_task=1,
            mem="1G",
            tunnel=nemo_run.SSHTunnel(**self._tunnel),
            packager=nemo_run.Packager(),
            poll_estimated_start_time=not self._options,
        )


if __name__ == "__main__":
    serve(f"NeMo-Run {version('nemo-run')}", NemoRun(*sys.argv[1:]))
