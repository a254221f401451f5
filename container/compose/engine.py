"""A Docker engine: the one that runs here already, or one of our own that lives no longer than it is wanted.

Our own is Debian's, in a tree of its own and in namespaces like the lab's: nothing is installed on this machine, no
rule of its firewall and no setting of its network is touched, and ending one process ends every container.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from container import cache, debian
from container.lab.namespace import Init, Lifeline, Mount, enter_command, environment, find_init
from container.steps import StepError, run_logged, say, step, tail

TOP = Path(__file__).parents[2]
SUITE = "trixie"  # compose 2.26, and an engine that knows named build contexts
PACKAGES = (
    "docker.io",
    "docker-cli",
    "docker-buildx",
    "docker-compose",
    "iptables",
    "mount",
    "tini",
    "ca-certificates",
)
SOCKET = "unix:///run/docker.sock"
CGROUP = "packtrain-engine"
# Containers reach each other, and this machine's loopback reaches published ports through docker-proxy. For the rest
# (builds that fetch packages) there is the host's network, so the firewall need not know of us.
NETWORK = "--bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false"
# Runs until stdin ends: whatever becomes of the process that holds the other end, the engine goes with it.
SERVE = f"""
trap : TERM
dockerd --host {SOCKET} --cgroup-parent /{CGROUP} {NETWORK} &
read -r _
kill $! && wait $!
find /sys/fs/cgroup -depth -type d -path '*/{CGROUP}*' -exec rmdir {{}} +
"""
START_SECONDS = 60
END_SECONDS = 30
KEPT_BUILDS = "4gb"


@dataclass(frozen=True)
class Engine:
    """A Docker engine, by the command line that comes before each subcommand of `docker`."""

    docker: tuple[str, ...]
    is_ours: bool

    def command(self, *arguments: str) -> list[str]:
        """A command line for this engine."""
        return [*self.docker, *arguments]

    def answer(self, *arguments: str) -> str:
        """Output of a command. Raises StepError with its error output when it fails."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, env=_own_environment(), check=False
        )
        if done.returncode != 0:
            raise StepError(f"docker {' '.join(arguments)} failed ({done.returncode}): {done.stderr.strip()}")
        return done.stdout

    def succeeds(self, *arguments: str) -> bool:
        """Whether a command ends with 0."""
        done = subprocess.run(self.command(*arguments), capture_output=True, env=_own_environment(), check=False)
        return done.returncode == 0

    def run_logged(self, log: Path, *arguments: str) -> None:
        """Run a command with its output in a log. Raises StepError with the log's end when it fails."""
        run_logged(self.command(*arguments), log, _own_environment())


def _own_environment() -> dict[str, str]:
    """Without the variables that compose would take for values of docker-compose.yml, or for its own settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PACKTRAIN_", "COMPOSE_"))}


@contextmanager
def opened() -> Iterator[Engine]:
    """An engine with compose version 2, for as long as the block lasts."""
    host = Engine(("docker",), is_ours=False)
    if _serves(host):
        say("using the Docker engine that runs here")
        yield host
        return
    # Two engines cannot share one store.
    with cache.lock(_store()), cache.emptied("docker-state") as state:
        try:
            with _start(state) as lifeline:
                engine = _wait_until_it_answers(state, lifeline)
                yield engine
                _tidy(engine)
        finally:
            _wait_until_gone(state)


def _serves(engine: Engine) -> bool:
    try:
        return engine.succeeds("info") and engine.succeeds("compose", "version")
    except FileNotFoundError:
        return False


def _start(state: Path) -> Lifeline:
    tree = _tree()
    _store().mkdir(exist_ok=True)
    # Read-only, and at the same places as outside: docker resolves the paths that it is given in here.
    mounts = [Mount(TOP, str(TOP)), Mount(cache.cache_root(), str(cache.cache_root()))]
    mounts.append(Mount(_store(), "/var/lib/docker", read_only=False))
    _log().unlink(missing_ok=True)
    return Lifeline.spawn(enter_command(tree, state, ["bash", "-c", SERVE]), _log(), environment(mounts))


def _wait_until_it_answers(state: Path, lifeline: Lifeline) -> Engine:
    deadline = time.monotonic() + START_SECONDS
    with step("starting a Docker engine"):
        while not lifeline.broken() and time.monotonic() < deadline:
            init = find_init(state)
            if init is not None and (engine := _inside(init)).succeeds("info"):
                return engine
            time.sleep(0.2)
    raise StepError(f"the Docker engine did not start; {_log()} ends:\n{tail(_log())}")


def _inside(init: Init) -> Engine:
    return Engine(tuple(init.command(["env", f"--chdir={TOP}", "docker", "--host", SOCKET])), is_ours=True)


def _tidy(engine: Engine) -> None:
    """What is kept for the next run shall not grow with every run."""
    engine.answer("image", "prune", "--force")
    engine.answer("builder", "prune", "--force", "--keep-storage", KEPT_BUILDS)


def _wait_until_gone(state: Path) -> None:
    """The engine ends by itself when its lifeline is let go of; this waits, and insists when it must."""
    deadline = time.monotonic() + END_SECONDS
    while (init := find_init(state)) is not None:
        if time.monotonic() > deadline:
            init.end()
        time.sleep(0.1)


def _tree() -> Path:
    target = cache.cache_root() / f"docker-{SUITE}-{cache.digest([SUITE, *PACKAGES])}"

    def make(part: Path) -> None:
        log = cache.cache_root() / "docker.log"
        log.unlink(missing_ok=True)
        debian.install_host_tools(log)
        with step("fetching a Docker engine from Debian"):
            debian.bootstrap(SUITE, part, PACKAGES, log, "--variant=essential")

    return cache.build_once(target, make)


def _store() -> Path:
    """Images and builds: what makes the second run short."""
    return cache.cache_root() / "docker-store"


def _log() -> Path:
    return cache.cache_root() / "dockerd.log"
