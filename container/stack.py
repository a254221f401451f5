"""The whole of packtrain on one machine: lab cluster, database, server and worker. `make up`, `make down`.

State lies under `.packtrain/`: the settings, the database, logs, ids of processes, and `env`, from which the
`packtrain` command reads where the server is and who is asking.
"""

import argparse
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from container import image, lab
from container.background import Process, find_process, start_process
from container.lab import models, ports
from container.steps import StepError, say, step, tail

STATE = Path(".packtrain")
PORT = 8421
_PORTS = range(PORT, PORT + 100)
"""Tried in turn where nobody asked for one: another program may have the first."""
PROGRAMS = ("server", "worker")
NEXT = """\
try:
  source .venv/bin/activate       # so that the shell finds packtrain
  packtrain submit examples/llama3_lora_sft.yaml --data examples/datasets/ja-en-pairs.json --watch
stop it with: make down"""
READY_SECONDS = 60.0
_ANOTHER_PORT = "choose one: `python -m container.stack up --port N`"
CLUSTERS = """\
# Written by `make up`. What each setting means: docs/operator-guide.md.
[clusters.lab]
host = "{host}"
port = {port}
user = "{user}"
key_file = "{key_file}"
known_hosts_file = "{known_hosts_file}"
root = "/home/packtrain/packtrain"
image = "/opt/packtrain/llamafactory.sif"
container_gpu_flag = "--nv"
llamafactory_checkout = "/srv/LLaMA-Factory"
allowed_roots = ["/srv/models", "/srv/LLaMA-Factory"]
accounting = {accounting}
poll_interval_seconds = 2.0
submit_settle_seconds = 15.0

[clusters.lab.models]
tiny-llama = "/srv/models/tiny-llama"
tiny-qwen2 = "/srv/models/tiny-qwen2"
tiny-phi3 = "/srv/models/tiny-phi3"

[clusters.lab.arguments]
use_cpu = true  # the lab's GPUs are not real, and LLaMA-Factory refuses bf16 without one otherwise

[clusters.lab.environment]
DS_ACCELERATOR = "cpu"

[clusters.lab.defaults]
partition = "gpu"
gpus_per_node = 1
cpus_per_gpu = 2
memory = "2G"
time_limit = "01:00:00"
"""


def up(state: Path = STATE, wanted_port: int | None = None, profile: lab.Profile = lab.Profile.TRIXIE) -> None:
    """Start what does not run yet. Raises StepError when something does not come up."""
    state.mkdir(parents=True, exist_ok=True)
    port = choose_port(state, wanted_port)
    cluster = lab.up(profile, state / "lab", image=image.build("cpu"), models=models.build())
    start(state, port, clusters_toml(cluster))


def start(state: Path, port: int, clusters: str, more: Mapping[str, str] | None = None) -> None:
    """Start server and worker with this clusters file, and `more` variables. Raises StepError."""
    (state / "clusters.toml").write_text(clusters, encoding="utf-8")
    _port_file(state).write_text(f"{port}\n", encoding="utf-8")
    environment = {**settings(state, port), **(more or {})}
    with step("preparing the database"):
        packtrain(["migrate"], environment)
    for name in PROGRAMS:
        if find_process(pid_file(state, name)) is None:
            start_program(name, state, environment)
    wait_until_ready(state, port)
    _write_env(state, port, environment)


def down(state: Path = STATE) -> None:
    """Stop what runs; called twice it finds nothing to do."""
    stop(state)
    say("the lab is down" if lab.down(state / "lab") else "no lab was up")


def stop(state: Path) -> None:
    """Stop server and worker, and leave the lab as it is."""
    for name in reversed(PROGRAMS):
        process = find_process(pid_file(state, name))
        if process is not None:
            process.end(patience=20.0)
            say(f"stopped the {name}")
        pid_file(state, name).unlink(missing_ok=True)


def start_program(name: str, state: Path, environment: Mapping[str, str]) -> Process:
    """Start the server or the worker in the background, with its log beside its state."""
    return start_process([sys.executable, "-m", name], pid_file(state, name), state / f"{name}.log", environment)


def settings(state: Path, port: int) -> dict[str, str]:
    """The environment of server, worker and command line on a state folder."""
    base = state.resolve()
    own = {
        "PACKTRAIN_SECRETS_KEY": _secrets_key(state),
        "PACKTRAIN_DATABASE_URL": f"sqlite:///{base / 'packtrain.db'}",
        "PACKTRAIN_CLUSTERS_FILE": str(base / "clusters.toml"),
        "PACKTRAIN_DATA_DIR": str(base / "data"),
        "PACKTRAIN_PORT": str(port),
    }
    # One token serves everybody who tries the lab, and whoever measures it.
    return {"PACKTRAIN_RATE_PER_SECOND": "0", **os.environ, **own}


def _secrets_key(state: Path) -> str:
    """Random, and made once: what was encrypted with it is to be read again after a restart."""
    file = state / "secrets_key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32), encoding="utf-8")
    return file.read_text(encoding="utf-8")


def clusters_toml(cluster: lab.Lab) -> str:
    """The clusters file for a lab."""
    return CLUSTERS.format(
        host=cluster.host,
        port=cluster.port,
        user=cluster.user,
        key_file=cluster.key_file,
        known_hosts_file=cluster.known_hosts_file,
        accounting="true" if cluster.profile is lab.Profile.TRIXIE else "false",
    )


def packtrain(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run the command line and return what it printed. Raises StepError with what it said."""
    command = [sys.executable, "-m", "packtrain", *arguments]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StepError(f"packtrain {arguments[0]} failed ({done.returncode}): {done.stderr.strip()}")
    return done.stdout


def wait_until_ready(state: Path, port: int) -> None:
    """Until the server answers for itself and the worker has reached the cluster."""
    deadline = time.monotonic() + READY_SECONDS
    with step("waiting for server and worker"):
        while not _is_ready(port):
            for name in PROGRAMS:
                if find_process(pid_file(state, name)) is None:
                    log = state / f"{name}.log"
                    raise StepError(f"the {name} has ended; {log} ends:\n{tail(log)}")
            if time.monotonic() > deadline:
                raise StepError(f"the server is not ready after {READY_SECONDS:.0f} s; see {state}/*.log")
            time.sleep(0.1)


def choose_port(state: Path, wanted: int | None) -> int:
    """The port of the server that runs, else the one that is wanted, else a free one. Raises StepError."""
    if find_process(pid_file(state, "server")) is not None:
        running = _kept_port(state)
        if wanted not in (None, running):
            raise StepError(f"the server runs on port {running}: end it first, `make down`")
        return running
    if wanted is not None:
        _require_port(wanted)
        return wanted
    port = next((port for port in _PORTS if ports.is_listenable(port)), None)
    if port is None:
        raise StepError(f"all ports from {_PORTS[0]} to {_PORTS[-1]} are taken; {_ANOTHER_PORT}")
    if port != PORT:
        say(f"port {PORT} is taken by another program: the server gets {port}")
    return port


def _require_port(port: int) -> None:
    """Another program's server must not be taken for ours."""
    if not ports.is_listenable(port):
        raise StepError(f"port {port} is taken by another program; end that one, or {_ANOTHER_PORT}")


def _port_file(state: Path) -> Path:
    return state / "port"


def _kept_port(state: Path) -> int:
    file = _port_file(state)
    return int(file.read_text(encoding="utf-8")) if file.exists() else PORT


def _is_ready(port: int) -> bool:
    with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
        return True
    return False


def _write_env(state: Path, port: int, environment: Mapping[str, str]) -> None:
    file = state / "env"
    token = _kept_token(file) or packtrain(["token", "create", "admin", "--admin", "--quiet"], environment).strip()
    file.touch(mode=0o600)
    file.write_text(f"PACKTRAIN_URL=http://127.0.0.1:{port}\nPACKTRAIN_TOKEN={token}\n", encoding="utf-8")
    say(f"packtrain is up: http://127.0.0.1:{port} (pages and API; sign in with the token in {file})")


def _kept_token(file: Path) -> str | None:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return next((line.partition("=")[2] for line in lines if line.startswith("PACKTRAIN_TOKEN=")), None)


def pid_file(state: Path, name: str) -> Path:
    """The file in which the process id of a program is kept."""
    return state / f"{name}.pid"


def main() -> int:
    """The command of `make up` and `make down`."""
    parser = argparse.ArgumentParser(prog="python -m container.stack", description=__doc__)
    parser.add_argument("action", choices=["up", "down"])
    parser.add_argument("--state", type=Path, default=STATE)
    parser.add_argument("--port", type=int, help=f"{PORT}, or the next free one, unless this says so")
    options = parser.parse_args()
    try:
        if options.action == "up":
            up(options.state, options.port)
            if options.state == STATE:
                say(NEXT)
        else:
            down(options.state)
    except StepError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
