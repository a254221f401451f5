"""Run a Python program of ours inside a training image: no cluster is started, only the lab's tree entered."""

import shlex
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from container import cache, debian
from container.lab import rootfs
from container.lab.namespace import Mount, enter_command, environment
from container.steps import StepError

IMAGE = "/opt/packtrain/llamafactory.sif"
_PROGRAM = "/context/program.py"
_COMPLAINT_LINES = 15


def run_program(
    image: Path,
    program: Path,
    arguments: Sequence[str] = (),
    *,
    mounts: Sequence[Mount] = (),
    variables: Mapping[str, str] | None = None,
    stdin: str = "",
) -> str:
    """Output of a program, run by the image's python as an ordinary user. Raises StepError with its complaint."""
    debian.install_host_tools(cache.cache_root() / "tools.log")
    seen = [Mount(image.resolve(), IMAGE), Mount(program.resolve(), _PROGRAM), *mounts]
    folders = ",".join(dict.fromkeys(["/context", *(mount.target for mount in mounts)]))
    environment_flags = [flag for name, value in (variables or {}).items() for flag in ("--env", f"{name}={value}")]
    command = shlex.join(
        ["apptainer", "-s", "exec", "--bind", folders, *environment_flags, IMAGE, "python", _PROGRAM, *arguments]
    )
    inside = ["runuser", "-u", "packtrain", "--", "bash", "-c", f"exec {command}"]
    tree = rootfs.build(rootfs.Profile.TRIXIE)
    with tempfile.TemporaryDirectory(dir=cache.cache_root(), prefix="program-") as state:
        entered = enter_command(tree, Path(state), inside)
        done = subprocess.run(entered, input=stdin, capture_output=True, text=True, env=environment(seen), check=False)
    if done.returncode != 0:
        complaint = "\n".join(done.stderr.splitlines()[-_COMPLAINT_LINES:])
        raise StepError(f"{program.name} failed in {image.name} ({done.returncode}):\n{complaint}")
    return done.stdout
