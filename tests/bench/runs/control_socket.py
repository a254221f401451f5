"""The OpenSSH client with a connection that stays open, as people have it in their configuration (ControlMaster)."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from container import lab

Run = Callable[[str], bytes]


@contextmanager
def control_socket(cluster: lab.Lab) -> Iterator[Run]:
    """Runs commands of the service account, a new `ssh` each, over one open connection; gives what they print."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "control"  # not in the state's folder: the name of a socket has to be short

        def command(*own: str, remote: str = "") -> list[str]:
            program, *rest = cluster.ssh_command(*([remote] if remote else []))
            return [program, "-o", f"ControlPath={path}", *own, *rest]

        def run(remote: str) -> bytes:
            return subprocess.run(
                command(remote=remote), stdin=subprocess.DEVNULL, capture_output=True, check=True
            ).stdout

        subprocess.run(command("-M", "-N", "-f"), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        try:
            yield run
        finally:
            subprocess.run(command("-O", "exit"), stderr=subprocess.DEVNULL, check=True)
