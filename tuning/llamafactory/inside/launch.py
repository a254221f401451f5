"""Start of a run inside its container: secrets into the environment, then the program in a process group of its own.

`python3 inside.pyz launch PROGRAM...`. A line on standard input says that the run is to end: the group gets SIGTERM
(torchrun's workers would outlive one to their parent). Ends with the program's status, 128 + n after signal n.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_NO_SECRET = 78
_FROM_SLURM = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class SecretMissingError(Exception):
    """A secret of the job is no longer in the attempt's folder."""


def main(arguments: Sequence[str]) -> int:
    """Run the program; for a process of its own."""
    # Slurm gives its signals to every process of the step: the program hears them itself, and its status is awaited.
    for number in _FROM_SLURM:
        signal.signal(number, lambda *_: None)
    try:
        secrets = read_secrets()
    except SecretMissingError as error:
        sys.stderr.write(f"packtrain: {error}\n")
        return _NO_SECRET
    environment = {**os.environb, **secrets}
    process = subprocess.Popen(arguments, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_end_when_told, args=(sys.stdin.fileno(), process.pid), daemon=True).start()
    return _exit_code(process.wait())


def read_secrets() -> dict[bytes, bytes]:
    """The job's secrets by name, as their files hold them. Raises SecretMissingError."""
    folder, names = Path(os.environ["PACKTRAIN_SECRETS"]), os.environ["PACKTRAIN_SECRET_NAMES"].split()
    return {name.encode(): _value(folder / name) for name in names}


def _exit_code(status: int) -> int:
    if status >= 0:
        return status
    # as a shell says it: nobody outside sees this process's end
    sys.stderr.write(f"packtrain: the program was ended by signal {-status} ({signal.strsignal(-status)})\n")
    return 128 - status


def _value(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise SecretMissingError(f"the secret {path.name} is no longer on the cluster: retry the job") from error


def _end_when_told(orders: int, group: int) -> None:
    # Not through a buffer: its lock, held while nothing comes, would abort Python's own end.
    while os.read(orders, 64):
        with suppress(ProcessLookupError):  # it has just ended by itself
            os.killpg(group, signal.SIGTERM)
