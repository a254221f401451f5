"""The peers, and how each of them is used: as its own documentation says."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from container import cache
from container.steps import run_logged, step
from tests.bench.peers import venv
from tests.bench.peers.login_node import TOP, LoginNode

COUNTED = (
    "Peers are installed from the package index at exact versions (tests/bench/peers/*.txt), each in an environment of "
    "its own, and take turns with packtrain on the same cluster, whose nodes are drained, so that jobs stay queued. "
    "Commands, connections and SFTP sessions are sshd's own count; packtrain's contain its watch cycles. Seconds run "
    "from the call, with the program loaded, to the last job's number."
)
SUBMITIT = (
    "submitit knows no SSH: it runs on the login node, where the user has to be, and calls sbatch once a job, with a "
    "pause of 0.2 s between two, and sacct once for all jobs (by itself at most every 2 s, later ever more seldom)."
)
ARRAY = "submitit's `map_array`, which its guide advises for many jobs: one sbatch of one array with one setting."
NEMO_RUN = (
    "NeMo-Run: one experiment of all jobs through an SSHTunnel, detached, the base Packager, since there is no code to "
    "pack, and without the status that it prints at its exit. Its `status()` asks sacct twice for each job. By default "
    "16 threads submit, and one more a job asks for its estimated start, all as sessions of one connection: with 20 "
    "jobs one of them was refused here and the experiment failed, most likely by sshd's MaxSessions (OpenSSH's 10). "
    "Therefore it is measured with 4 threads and `poll_estimated_start_time=False`, too."
)
AIIDA = (
    "AiiDA with its recommended core.ssh_async transport, SQLite, no broker: its engine in process, as "
    "`aiida.engine.run` has it, with all calculations at once. By default it waits 15 s before it opens a connection "
    "(safe_interval) and 10 s between two looks at the queue (minimum_job_poll_interval). That is by design: it spares "
    "login nodes in campaigns of days, whose calculations share what was opened: twenty take no longer than one. Its "
    "states are read from its database."
)
HURRIED = "AiiDA without those waits: safe_interval 0, and a look every 2 s, as packtrain's in the lab."
SSH_CONFIG = """\
Host {host}
    HostName {host}
    Port {port}
    User {user}
    IdentityFile {key_file}
    IdentitiesOnly yes
    UserKnownHostsFile {known_hosts_file}
"""


@dataclass(frozen=True)
class Start:
    """How a peer's program is started."""

    command: Sequence[str]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Peer:
    """One way to use one peer."""

    name: str
    how: str
    """What the table says behind the name."""
    note: str
    prepare: Callable[[LoginNode, Path], Start]
    """With an empty folder. Raises StepError."""
    rounds: int
    polls: int

    @property
    def title(self) -> str:
        """Before its program has said its version."""
        return f"{self.name}, {self.how}"


def peers(rounds: int, polls: int, *, patient: bool) -> list[Peer]:
    """All of them; AiiDA with its defaults only for whoever is patient."""
    quick = [
        Peer("submitit", "on the login node", SUBMITIT, partial(submitit, "jobs"), rounds, polls),
        Peer("submitit", "on the login node, an array", ARRAY, partial(submitit, "array"), 1, polls),
        Peer("NeMo-Run", "over SSH, its defaults", NEMO_RUN, nemo_run, 1, polls),
        Peer("NeMo-Run", "over SSH, 4 threads", NEMO_RUN, partial(nemo_run, threads="4"), rounds, polls),
        Peer("AiiDA", "over SSH, without its waits", HURRIED, partial(aiida, waits=("0", "2")), 1, polls),
    ]
    return [*quick, Peer("AiiDA", "over SSH, its defaults", AIIDA, aiida, 1, 1)] if patient else quick


def submitit(kind: str, node: LoginNode, _: Path) -> Start:
    """Pure Python: its packages are copied to the login node."""
    node.put_packages(venv.packages(venv.build("submitit")))
    return on_login_node(node, "submitit", kind, f"/home/{node.lab.user}/peer-submitit")


def on_login_node(node: LoginNode, name: str, *arguments: str) -> Start:
    """As its user would start it: by ssh, once."""
    *ssh, remote = node.put_program(name)
    return Start([*ssh, " ".join([remote, *arguments])], os.environ)


def nemo_run(node: LoginNode, folder: Path, threads: str = "") -> Start:
    """It calls rsync and ssh, which read the ssh configuration of the user whom the machine knows, not of $HOME."""
    _install_rsync()
    environment = venv.build("nemo_run")
    config = _ssh_config(node, folder)
    shim = folder / "bin/ssh"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {config} "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    place = [node.lab.host, str(node.lab.port), node.lab.user, str(node.lab.key_file)]
    own = {
        "HOME": str(folder),
        "PATH": f"{shim.parent}:{os.environ['PATH']}",
        "NEMORUN_HOME": str(folder / "nemo_run"),
    }
    return _outside("nemo_run", environment, [*place, f"/home/{node.lab.user}/peer-nemo-run", threads], own)


def aiida(node: LoginNode, folder: Path, waits: Sequence[str] = ()) -> Start:
    """It reads ~/.ssh/config, as its guide has it."""
    environment = venv.build("aiida")
    _ssh_config(node, folder)
    arguments = [str(folder), node.lab.host, f"/home/{node.lab.user}/peer-aiida", *waits]
    return _outside("aiida", environment, arguments, {"HOME": str(folder), "AIIDA_PATH": str(folder)})


def _outside(name: str, environment: Path, arguments: Sequence[str], own: Mapping[str, str]) -> Start:
    """On this machine, by the peer's own Python."""
    command = [str(environment / "bin/python"), "-P", "-m", f"tests.bench.peers.programs.{name}_program", *arguments]
    return Start(command, {**os.environ, "PYTHONPATH": str(TOP), **own})


def _ssh_config(node: LoginNode, folder: Path) -> Path:
    file = folder / ".ssh/config"
    file.parent.mkdir(mode=0o700)
    lab = node.lab
    file.write_text(
        SSH_CONFIG.format(
            host=lab.host, port=lab.port, user=lab.user, key_file=lab.key_file, known_hosts_file=lab.known_hosts_file
        ),
        encoding="utf-8",
    )
    return file


def _install_rsync() -> None:
    if shutil.which("rsync"):
        return
    log = cache.cache_root() / "peer-rsync.log"
    with step("installing rsync"):
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        run_logged(["apt-get", "update", "-qq"], log, env)
        run_logged(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "rsync"], log, env)
