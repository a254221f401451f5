"""A whole packtrain for the end-to-end tests: a lab cluster, and server and worker as processes of their own."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from container import lab, stack
from container.background import find_process
from container.lab import ports
from packtrain.client import Packtrain
from packtrain.schema import Job

T = TypeVar("T")
ENDED = ("succeeded", "failed", "cancelled")
PATIENCE_SECONDS = 1200.0
"""Far more than anything takes here: a busy machine makes no test red."""
SHORT_RUN: dict[str, Any] = {
    "model_name_or_path": "tiny-llama",
    "stage": "sft",
    "do_train": True,
    "finetuning_type": "lora",
    "template": "llama3",
    "dataset": "identity",
    "cutoff_len": 256,
    "max_steps": 6,
    "logging_steps": 2,
    "learning_rate": 1.0e-3,
    "plot_loss": False,
}
"""The shortest run that is one: a dozen seconds, most of them imports."""


@dataclass(frozen=True)
class Site:
    """Server and worker on a state folder, with the lab that they drive."""

    state: Path
    port: int
    lab: lab.Lab
    more: Mapping[str, str] = field(default_factory=dict)
    """Variables of its programs beside the usual ones."""

    def client(self) -> Packtrain:
        """The API for the administrator of `make up`."""
        env = self.env()
        return Packtrain(env["PACKTRAIN_URL"], env["PACKTRAIN_TOKEN"])

    def env(self) -> dict[str, str]:
        """The two variables that `make up` writes."""
        pairs = (line.partition("=") for line in (self.state / "env").read_text().splitlines())
        return {name: value for name, _, value in pairs}

    def get(self, path: str, **query: str) -> httpx.Response:
        """The bare answer to a request under /api/v1."""
        env = self.env()
        headers = {"Authorization": f"Bearer {env['PACKTRAIN_TOKEN']}"}
        answer = httpx.get(f"{env['PACKTRAIN_URL']}/api/v1/{path}", params=query, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer

    def kill(self, program: str) -> None:
        """SIGKILL, as the kernel does when memory runs out."""
        process = find_process(stack.pid_file(self.state, program))
        assert process
        process.kill()

    def start(self, program: str) -> None:
        """Start a program that was killed."""
        stack.start_program(program, self.state, {**stack.settings(self.state, self.port), **self.more})

    def on_cluster(self, command: str) -> str:
        """What a command of the service account prints on the login node."""
        done = subprocess.run(self.lab.ssh_command(command), capture_output=True, text=True, check=True)
        return done.stdout

    def sacct(self, job: Job) -> list[str]:
        """The Slurm jobs, by accounting, that were ever submitted for a job."""
        names = self.on_cluster("sacct -X -D -P -n -S now-1day -o JobName,JobIDRaw").splitlines()
        return [line for line in names if line.startswith(job["id"])]


@contextmanager
def second_site(state: Path, cluster: lab.Lab, clusters: str | None = None, **more: str) -> Iterator[Site]:
    """Another packtrain, for one test alone, on a lab that is up; its root there has the name of the state folder."""
    root = f'root = "/home/packtrain/{state.name}"'
    text = (clusters or stack.clusters_toml(cluster)).replace('root = "/home/packtrain/packtrain"', root)
    port = ports.pick()
    state.mkdir(parents=True, exist_ok=True)
    try:
        stack.start(state, port, text, more)
        yield Site(state, port, cluster, more)
    finally:
        stack.stop(state)


def wait_for(what: str, look: Callable[[], T | None], seconds: float = PATIENCE_SECONDS) -> T:
    """The first thing that `look` finds; a bounded wait."""
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise AssertionError(f"no {what} after {seconds:.0f} s")
        time.sleep(0.2)
    return found


def wait_status(client: Packtrain, job_id: str, *wanted: str, seconds: float = PATIENCE_SECONDS) -> Job:
    """The job once it has one of these statuses; an end that was not wanted is said at once."""

    def look() -> Job | None:
        job = client.job(job_id)
        if job["status"] not in wanted and job["status"] in ENDED:
            raise AssertionError(f"{job['status']}: {job['status_reason']} {job['failure']}")
        return job if job["status"] in wanted else None

    return wait_for(f"{' or '.join(wanted)} job", look, seconds)
