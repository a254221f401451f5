"""Start and end labs. A lab is a state folder and the namespaces started on it; nothing else is kept."""

import json
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from container import cache, debian
from container.lab import ports, rootfs
from container.lab.namespace import Init, Lifeline, Mount, enter_command, environment, find_init
from container.steps import StepError, run_logged, say, step, tail

USER = "packtrain"
IMAGE = "/opt/packtrain/llamafactory.sif"
MODELS = "/srv/models"
START_SECONDS = 90
READY = "run/lab/ready"
# What belongs to a running lab in its state folder. The log, the keys and lab.json outlive it.
LIVE = ("upper", "work", "root", "init.pid")


@dataclass(frozen=True)
class Lab:
    """A running lab: all that a client or a test needs to reach it."""

    profile: rootfs.Profile
    state_dir: Path
    port: int
    init: Init
    host: str = ports.HOST
    user: str = USER

    @property
    def key_file(self) -> Path:
        """The private key that logs in as the service account."""
        return self.state_dir / "id_ed25519"

    @property
    def known_hosts_file(self) -> Path:
        """The host key, in OpenSSH's form."""
        return self.state_dir / "known_hosts"

    @property
    def log_file(self) -> Path:
        """The log of start.sh and the daemons."""
        return self.state_dir / "lab.log"

    @property
    def root_dir(self) -> Path:
        """The cluster's file system, seen from here."""
        return self.init.root

    def ssh_command(self, *command: str) -> list[str]:
        """An OpenSSH command line as the service account; with no command, a login."""
        options = ["BatchMode=yes", "IdentitiesOnly=yes", f"UserKnownHostsFile={self.known_hosts_file}"]
        flags = [flag for option in options for flag in ("-o", option)]
        target = f"{self.user}@{self.host}"
        return ["ssh", "-F", "none", "-i", str(self.key_file), "-p", str(self.port), *flags, target, *command]

    def exec_command(self, *command: str) -> list[str]:
        """A command line that runs a command inside as root, past sshd and Slurm."""
        return self.init.command(command)

    def run(self, *command: str) -> str:
        """Run a command inside as root and return what it printed; raises when it fails."""
        done = subprocess.run(self.exec_command(*command), capture_output=True, text=True, check=True)
        return done.stdout


@dataclass(frozen=True)
class _Node:
    """Processors and GPUs that each node claims."""

    cpus: int
    gpus: int


def up(
    profile: rootfs.Profile,
    state_dir: Path,
    port: int = 0,
    *,
    image: Path | None = None,
    models: Path | None = None,
    cpus: int = 8,
    gpus: int = 4,
) -> Lab:
    """Start a lab on a state folder, or return the one that runs on it. Port 0: any free block."""
    state = state_dir.resolve()
    state.mkdir(parents=True, exist_ok=True)
    with cache.lock(state / "lab"):
        running = status(state)
        if running is not None:
            say(f"the lab is already up: {running.profile}, sshd on {running.host}:{running.port}")
            return running
        tree = rootfs.build(profile)
        with step(f"starting the lab ({profile})"):
            return _start(profile, tree, state, port, _mounts(image, models), _Node(cpus, gpus))


def status(state_dir: Path) -> Lab | None:
    """The lab that runs on a state folder, or None."""
    state = state_dir.resolve()
    init = find_init(state)
    if init is None or not (init.root / READY).exists():
        return None
    with suppress(OSError, ValueError, KeyError):
        saved = json.loads((state / "lab.json").read_text(encoding="utf-8"))
        return Lab(rootfs.Profile(saved["profile"]), state, int(saved["port"]), init)
    return None


def down(state_dir: Path) -> bool:
    """End every process of the lab and drop what it wrote; False when nothing ran. The log stays."""
    state = state_dir.resolve()
    init = find_init(state)
    if init is not None:
        init.end()
    for name in LIVE:
        cache.remove(state / name)
    return init is not None


def _start(profile: rootfs.Profile, tree: Path, state: Path, port: int, mounts: list[Mount], node: _Node) -> Lab:
    debian.install_host_tools(state / "lab.log")
    down(state)  # what a start that was killed left behind
    if port and not ports.is_free(port):
        raise StepError(f"ports {port} to {port + ports.BLOCK - 1} on {ports.HOST} are not all free")
    port = port or ports.pick()
    (state / "lab.log").unlink(missing_ok=True)
    extra = {
        "LAB_PORT": str(port),
        "LAB_BIND": ports.HOST,
        "LAB_CPUS": str(node.cpus),
        "LAB_GPUS": str(node.gpus),
        "LAB_AUTHORIZED_KEY": _client_key(state),
        "LAB_LIFELINE": "yes",
    }
    command = enter_command(tree, state, ["/opt/lab/start.sh"])
    try:
        with Lifeline.spawn(command, state / "lab.log", environment(mounts, extra)) as lifeline:
            return _wait_ready(Lab(profile, state, port, Init(0, "")), lifeline)
    except BaseException:
        down(state)
        raise


def _wait_ready(lab: Lab, lifeline: Lifeline) -> Lab:
    """Wait until start.sh is done, note where the lab is, and let go of it: from then on it lives alone."""
    deadline = time.monotonic() + START_SECONDS
    while (init := find_init(lab.state_dir)) is None or not (init.root / READY).exists():
        if lifeline.broken() or time.monotonic() > deadline:
            raise StepError(f"the lab did not start; {lab.log_file} ends:\n{tail(lab.log_file)}")
        time.sleep(0.05)
    _save(lab, init)
    lifeline.let_go()
    started = status(lab.state_dir)
    if started is None:
        raise StepError(f"the lab ended as soon as it was up; see {lab.log_file}")
    return started


def _save(lab: Lab, init: Init) -> None:
    host_key = (init.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text(encoding="utf-8").split()[:2]
    line = f"[{lab.host}]:{lab.port} {' '.join(host_key)}\n"
    lab.known_hosts_file.write_text(line, encoding="utf-8")
    saved = {"profile": lab.profile, "port": lab.port}
    (lab.state_dir / "lab.json").write_text(json.dumps(saved) + "\n", encoding="utf-8")


def _client_key(state: Path) -> str:
    key = state / "id_ed25519"
    if not key.exists():
        run_logged(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", key], state / "lab.log")
    return key.with_suffix(".pub").read_text(encoding="utf-8").strip()


def _mounts(image: Path | None, models: Path | None) -> list[Mount]:
    pairs: Sequence[tuple[Path | None, str]] = (
        (rootfs.HERE / "start.sh", "/opt/lab/start.sh"),
        (rootfs.HERE / "etc", "/opt/lab/etc"),
        (image, IMAGE),
        (models, MODELS),
    )
    return [Mount(source, target) for source, target in pairs if source is not None]
