"""What the measurements share: the lab, packtrain on it, and programs beside it. Started when first asked for."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar, cast

from container import image, lab, stack
from container.lab import models, ports
from tests.bench.cores import SERVER_CORE, pin
from tests.bench.scale import Scale
from tests.e2e.site import Site

T = TypeVar("T")
START_SECONDS = 30.0
PREPARE_LAB = """
# One line a session, so that connections and commands are counted by whoever pays for them.
echo 'LogLevel VERBOSE' >>/etc/ssh/sshd_config
kill -HUP "$(cat /run/lab/sshd.pid)"
# Every job's two slurmstepds look through the whole of /proc at this interval. On a cluster each sees its node's; here
# all see those of 200 jobs, on one small machine.
sed -i 's/^JobAcctGatherFrequency=.*/JobAcctGatherFrequency=0/' /etc/slurm/slurm.conf
# Thousands of jobs are submitted one after another: those that have ended are forgotten before they are too many.
echo MinJobAge=15 >>/etc/slurm/slurm.conf
scontrol reconfigure
"""


@dataclass(frozen=True)
class Running:
    """A program that listens."""

    pid: int
    port: int


class Rig:
    """Everything that runs for a bench; `running` ends it."""

    def __init__(self, scale: Scale, state: Path, running: ExitStack) -> None:
        self.scale = scale
        self._state = state.resolve()
        self._running = running
        self._shared: dict[str, object] = {}
        shutil.rmtree(self._state, ignore_errors=True)

    def folder(self, name: str) -> Path:
        """An empty folder of one measurement."""
        folder = self._state / name
        folder.mkdir(parents=True)
        return folder

    @cached_property
    def lab(self) -> lab.Lab:
        """A real Slurm with OpenSSH and the training image; its nodes have room for `running_jobs`."""
        state = self.folder("lab")
        self._running.callback(lab.down, state)
        cpus = max(8, self.scale.running_jobs // 2)
        started = lab.up(lab.Profile.TRIXIE, state, image=image.build("cpu"), models=models.build(), cpus=cpus)
        started.run("bash", "-ec", PREPARE_LAB)
        return started

    def packtrain(self, name: str, clusters: str | None = None) -> Site:
        """Server and worker as processes of their own on a new SQLite database, by default as `make up` has them."""
        state = self.folder(name)
        port = ports.pick()
        self._running.callback(stack.stop, state)
        stack.start(state, port, clusters or stack.clusters_toml(self.lab))
        return Site(state, port, self.lab)

    def shared(self, name: str, make: "Callable[[Rig], T]") -> T:
        """What several measurements use, made for the first of them."""
        if name not in self._shared:
            self._shared[name] = make(self)
        return cast(T, self._shared[name])

    def at_end(self, close: Callable[[], object]) -> None:
        """Call this when the bench ends."""
        self._running.callback(close)

    def stop(self, site: Site) -> None:
        """End a site's server and worker before the bench ends."""
        stack.stop(site.state)

    @contextmanager
    def server(self, url: str, clusters_toml: str = "") -> Iterator[Running]:
        """A server on a migrated database, by default without clusters; on one processor, with limits nobody meets."""
        port = ports.pick()
        clusters = self._state / f"clusters-{port}.toml"
        clusters.write_text(clusters_toml, encoding="utf-8")
        own = {
            "PACKTRAIN_DATABASE_URL": url,
            "PACKTRAIN_CLUSTERS_FILE": str(clusters),
            "PACKTRAIN_DATA_DIR": str(self._state / "data"),
            "PACKTRAIN_PORT": str(port),
            # one token asks here as fast as it can; it is counted all the same
            "PACKTRAIN_RATE_PER_SECOND": "1000000",
            "PACKTRAIN_RATE_BURST": "1000000",
            "PACKTRAIN_STREAMS_PER_PERSON": "1000000",
            "PACKTRAIN_UPLOADS_PER_PERSON": "1000",
        }
        with self.program(["-m", "server"], port, own) as pid:
            pin(pid, SERVER_CORE)
            yield Running(pid, port)

    @contextmanager
    def program(self, arguments: Sequence[str], port: int, environment: Mapping[str, str]) -> Iterator[int]:
        """The process id of a Python program that listens on a port, until the block ends."""
        command, own = [sys.executable, *arguments], {**os.environ, **environment}
        with (
            (self._state / "programs.log").open("ab") as log,
            subprocess.Popen(command, env=own, stderr=log) as started,
        ):
            try:
                _wait_until_it_listens(started, port)
                yield started.pid
            finally:
                started.terminate()


def _wait_until_it_listens(program: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and program.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.01)
    raise RuntimeError(f"{program.args!r} does not listen on port {port}")
