"""The lab from a shell: `python -m container.lab build|up|down|status|exec|ssh`."""

import argparse
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from container import image
from container.lab import cluster, models, rootfs
from container.steps import StepError, say

Action = Callable[[argparse.Namespace], int]


def build(options: argparse.Namespace) -> int:
    """Make everything that `up` needs, so that it starts in seconds."""
    if not options.bare:
        say(f"image: {image.build('cpu')}")
        say(f"models: {models.build()}")
    say(f"tree: {rootfs.build(options.profile)}")
    return 0


def up(options: argparse.Namespace) -> int:
    sif, folder = (None, None) if options.bare else (image.build("cpu"), models.build())
    claimed = {"cpus": options.cpus, "gpus": options.gpus}
    lab = cluster.up(options.profile, options.state, options.port, image=sif, models=folder, **claimed)
    say(f"log in by: {' '.join(lab.ssh_command())}")
    return 0


def down(options: argparse.Namespace) -> int:
    say("the lab is down" if cluster.down(options.state) else "no lab was up")
    return 0


def status(options: argparse.Namespace) -> int:
    lab = cluster.status(options.state)
    if lab is None:
        say("down")
        return 3  # as `systemctl status` has it
    say(f"up: {lab.profile}, sshd on {lab.host}:{lab.port}, init {lab.init.pid}")
    return 0


def inside(options: argparse.Namespace) -> int:
    lab = cluster.status(options.state)
    if lab is None:
        raise StepError(f"no lab is up on {options.state}")
    command = options.command or ["bash"]
    line = lab.exec_command(*command) if options.action == "exec" else lab.ssh_command(*options.command)
    return subprocess.run(line, check=False).returncode


ACTIONS: dict[str, Action] = {
    "build": build,
    "up": up,
    "down": down,
    "status": status,
    "exec": inside,
    "ssh": inside,
}


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m container.lab", description=__doc__)
    parser.add_argument("action", choices=ACTIONS, help="exec runs a command inside as root, ssh as packtrain")
    parser.add_argument("--profile", type=rootfs.Profile, choices=list(rootfs.Profile), default="trixie")
    parser.add_argument("--state", type=Path, default=Path(".packtrain/lab"), help="the lab's folder")
    parser.add_argument("--port", type=int, default=0, help="sshd's; the four after it are taken too; 0: any")
    parser.add_argument("--cpus", type=int, default=8, help="processors that each node claims")
    parser.add_argument("--gpus", type=int, default=4, help="GPUs that each node claims")
    parser.add_argument("--bare", action="store_true", help="without the training image and the tiny models")
    options, rest = parser.parse_known_args(arguments)
    options.command = rest[1:] if rest[:1] == ["--"] else rest
    if options.command and options.action not in ("exec", "ssh"):
        parser.error(f"unknown arguments: {' '.join(options.command)}")
    return options


def main(arguments: list[str]) -> int:
    # A termination unwinds like Ctrl-C, so that half a lab is taken down again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parse(arguments)
    try:
        return ACTIONS[options.action](options)
    except StepError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
