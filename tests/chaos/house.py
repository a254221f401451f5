"""A whole packtrain to be hurt: the lab, a proxy before its sshd, one server, and a crew of workers."""

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import httpx

from container import lab, stack
from container.background import Process, find_process, start_process
from container.lab import ports
from tests.chaos.ssh_proxy import SshProxy
from tests.chaos.witness import ClusterWitness, Database

T = TypeVar("T")
LEASE_SECONDS = 3.0
POLL_SECONDS = 0.3
SETTLE_SECONDS = 5.0
READY_SECONDS = 600.0
ROOT = "/home/packtrain/packtrain"
IMAGE = "/opt/packtrain/stand-in.sif"
"""Missing, but where a stand-in for the training is asked for."""
_WORKER = ["tests.chaos.short_times", "worker"]
"""The word by which a packtrain tells whether a process is one of its workers."""
CLUSTERS = """\
[clusters.lab]
host = "{host}"
port = {port}
user = "{user}"
key_file = "{key_file}"
known_hosts_file = "{known_hosts_file}"
root = "{root}"
image = "{image}"
accounting = {accounting}
llamafactory_checkout = "/srv/LLaMA-Factory"
allowed_roots = ["/srv/models", "/srv/LLaMA-Factory"]
poll_interval_seconds = {poll}
submit_settle_seconds = {settle}
commands_per_minute = 6000
connections_per_minute = 600
connect_timeout_seconds = 5.0
command_timeout_seconds = 20.0

[clusters.lab.models]
tiny-llama = "/srv/models/tiny-llama"

[clusters.lab.defaults]
partition = "gpu"
gpus_per_node = 0
memory = "100M"
time_limit = "00:05:00"
"""


class House:
    """The processes of one packtrain, by name: `server`, `worker-1`, `worker-2`, ..."""

    def __init__(self, state: Path, cluster: lab.Lab, proxy: SshProxy) -> None:
        self.state = state
        self.lab = cluster
        self.proxy = proxy
        self.port = ports.pick()
        self.database = Database(state / "packtrain.db")
        self.cluster = ClusterWitness(cluster, ROOT)
        self.image = IMAGE
        self.crew = 1
        self._accounting = True
        self._of_workers: dict[str, str] = {}
        self._environment = stack.settings(state, self.port) | {"PACKTRAIN_LEASE_SECONDS": str(LEASE_SECONDS)}

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"http://127.0.0.1:{self.port}"

    def furnish(self) -> str:
        """Make settings and database; returns a token."""
        key = self.lab.known_hosts_file.read_text(encoding="utf-8").split()[1:]
        self._known_hosts.write_text(f"[{self.lab.host}]:{self.proxy.port} {' '.join(key)}\n", encoding="utf-8")
        self._write_clusters()
        stack.packtrain(["migrate"], self._environment)
        return stack.packtrain(["token", "create", "chaos", "--admin", "--quiet"], self._environment).strip()

    def account(self, accounting: bool) -> None:
        """See that packtrain asks accounting, or that it does not."""
        if accounting != self._accounting:
            self._accounting = accounting
            self._write_clusters()
            self.close()
            self.staff(self.crew)

    def staff(self, crew: int) -> None:
        """See that the server and exactly so many workers run, and that one of them has reached the cluster."""
        self.crew = crew
        for name in self._running_workers():
            if int(name.partition("-")[2]) > crew:
                self._find(name).end(patience=20.0)
        self.refill()
        before = self.database.driver().reached_at
        until("server that answers", lambda: answers(self.url), READY_SECONDS)
        until("worker that reaches the cluster", lambda: self._reached_since(before), READY_SECONDS)

    def refill(self) -> None:
        """Start again whoever is missing."""
        for name in ["server", *(f"worker-{number}" for number in range(1, self.crew + 1))]:
            if find_process(stack.pid_file(self.state, name)) is None:
                self._start(name)

    @contextmanager
    def worker_with(self, **variables: str) -> Iterator[None]:
        """Another worker in place of the one, with these variables, for as long as the block lasts."""
        self._of_workers = variables
        self._replace_worker()
        try:
            yield
        finally:
            self._of_workers = {}
            self._replace_worker()

    def kill(self, name: str) -> None:
        """SIGKILL, as the kernel does when memory runs out."""
        self._find(name).kill()

    def driver(self) -> str:
        """The name of the worker that holds the lease."""

        def look() -> str | None:
            pid = self.database.driver().pid
            running = {self._find(name).pid: name for name in self._running_workers()}
            return running.get(pid) if pid is not None else None

        return until("worker with the lease", look, READY_SECONDS)

    def process(self, name: str) -> Process:
        """A running process of the house."""
        return self._find(name)

    def log(self, name: str) -> Path:
        """What a process has said."""
        return self.state / f"{name}.log"

    def close(self) -> None:
        """End every process of the house; the logs stay."""
        for name in ["server", *self._running_workers()]:
            if process := find_process(stack.pid_file(self.state, name)):
                process.end(patience=10.0)

    def _replace_worker(self) -> None:
        self._find("worker-1").end(patience=20.0)
        self.staff(1)

    @property
    def _known_hosts(self) -> Path:
        return self.state / "known_hosts"

    def _write_clusters(self) -> None:
        lab = self.lab
        login = lab.host, self.proxy.port, lab.user, lab.key_file, self._known_hosts
        (self.state / "clusters.toml").write_text(clusters_toml(*login, self._accounting), encoding="utf-8")

    def _running_workers(self) -> list[str]:
        names = sorted(file.stem for file in self.state.glob("worker-*.pid"))
        return [name for name in names if find_process(stack.pid_file(self.state, name))]

    def _start(self, name: str) -> None:
        command = [sys.executable, "-m", *(["server"] if name == "server" else _WORKER)]
        environment = self._environment | (self._of_workers if name != "server" else {})
        start_process(command, stack.pid_file(self.state, name), self.log(name), environment)

    def _find(self, name: str) -> Process:
        process = find_process(stack.pid_file(self.state, name))
        if process is None:
            raise RuntimeError(f"the {name} has ended by itself; see {self.log(name)}")
        return process

    def _reached_since(self, before: str | None) -> bool | None:
        return self.database.driver().reached_at not in {None, before} or None


def clusters_toml(
    host: str, port: int, user: str, key_file: Path, known_hosts_file: Path, accounting: bool = True
) -> str:
    """The clusters file, with short times."""
    return CLUSTERS.format(
        host=host, port=port, user=user, key_file=key_file, known_hosts_file=known_hosts_file,
        root=ROOT, image=IMAGE, accounting=str(accounting).lower(), poll=POLL_SECONDS, settle=SETTLE_SECONDS,
    )  # fmt: skip


def answers(url: str) -> bool | None:
    """Whether the server there is up."""
    try:
        return httpx.get(f"{url}/healthz", timeout=2.0, trust_env=False).is_success or None
    except httpx.TransportError:
        return None


def until(what: str, look: Callable[[], T | None], seconds: float) -> T:
    """The first thing that `look` finds. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {what} after {seconds:.0f} s")
        time.sleep(0.05)
    return found


@contextmanager
def furnished(state: Path) -> Iterator[tuple[House, str]]:
    """A house on an empty state folder, and a token for it; everything ends with the block."""
    state.mkdir(parents=True, exist_ok=True)
    with ExitStack() as running:
        running.callback(lab.down, state / "lab")
        cluster = lab.up(lab.Profile.TRIXIE, state / "lab")
        running.callback(_keep_logs, cluster, state / "slurm")
        proxy = SshProxy(cluster.port)
        running.callback(proxy.close)
        house = House(state.resolve(), cluster, proxy)
        running.callback(house.close)
        yield house, house.furnish()


def _keep_logs(cluster: lab.Lab, folder: Path) -> None:
    """What the cluster's daemons said would go with the lab."""
    shutil.copytree(cluster.root_dir / "var/log/slurm", folder, dirs_exist_ok=True)
