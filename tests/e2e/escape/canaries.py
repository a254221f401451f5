"""Canaries: random texts in every place of a lab that no run may read, and the process that holds some of them."""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from container.lab import Lab

HELD = ("environ", "folder", "memory", "descriptor", "segment", "key", "argument")
"""By the neighbour's process."""
FILES = {
    "ssh": "/home/packtrain/.ssh/id_canary",
    "history": "/home/packtrain/.bash_history",
    "token": "/home/packtrain/.cache/huggingface/token",
    "apptainer": "/home/packtrain/.apptainer/instances/canary",
    "temporary": "/tmp/torchinductor_packtrain/canary",
    "vartemporary": "/var/tmp/canary",
    "shared": "/dev/shm/canary",
}
PLANT = 'mkdir -p "$(dirname "$1")" && printf "%s\\n" "$2" >"$1" && chmod 600 "$1"'
UPROOT = r"""
find /home /srv/LLaMA-Factory /tmp /var/tmp /dev/shm -name 'escaped.*' -delete
cd /home/packtrain && rm -f .ssh/rc .ssh/environment .ssh/authorized_keys2
sed -i '/escaped\./d' .bashrc .profile .ssh/authorized_keys
"""
AS_THE_ACCOUNT = ("setpriv", "--reuid=packtrain", "--regid=packtrain", "--init-groups", "env", "-i", "PATH=/usr/bin")
CALM = ("home/packtrain/.ssh", "home/packtrain/.bashrc", "home/packtrain/.profile", "home/packtrain/.bash_history")


def new_canary(kind: str) -> str:
    """A text that is nowhere else; its kind is letters only."""
    return f"canary-{kind}-{secrets.token_hex(8)}"


def plant(lab: Lab) -> dict[str, str]:
    """Files of the account that no job has to do with."""
    planted = {kind: new_canary(kind) for kind in FILES}
    for kind, path in FILES.items():
        lab.run(*AS_THE_ACCOUNT, "bash", "-c", PLANT, "plant", path, planted[kind])
    return planted


def uproot(lab: Lab) -> None:
    """Take the canaries away, and what the control has left."""
    lab.run("bash", "-c", UPROOT)
    lab.run("rm", "-f", *FILES.values())


@contextmanager
def neighbour(lab: Lab) -> Iterator[subprocess.Popen[str]]:
    """A process of the account that holds a canary of each kind."""
    held = {kind: new_canary(kind) for kind in HELD}
    arguments = [f"{kind}={canary}" for kind, canary in held.items() if kind != "environ"]
    command = (*AS_THE_ACCOUNT, f"NEIGHBOUR_API_KEY={held['environ']}", "python3", "/srv/escape/neighbour.py")
    with subprocess.Popen(
        lab.exec_command(*command, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.stdin.close()


def state_of_the_home(lab: Lab) -> dict[str, str]:
    """What the account's home holds outside of packtrain's roots: names, and contents of what a login reads."""
    root = lab.root_dir
    names = lab.run("find", "/home/packtrain", "-maxdepth", "2", "-not", "-path", "*/jobs*", "-printf", "%p %y\\n")
    contents = {str(path): path.read_text(encoding="utf-8") for path in _calm_files(root)}
    return {"names": names, **contents}


def _calm_files(root: Path) -> Iterator[Path]:
    for name in CALM:
        path = root / name
        yield from path.iterdir() if path.is_dir() else [path] if path.exists() else []
