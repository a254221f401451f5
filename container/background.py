"""Programs that go on in the background: an id means a process only together with its start time."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process of ours. The start time tells it from a later process with its number."""

    pid: int
    start_time: str

    def alive(self) -> bool:
        """Whether this very process still runs (a dead one that nobody has reaped yet does not)."""
        return start_time_of(self.pid) == self.start_time

    def end(self, patience: float = 5.0) -> None:
        """Ask, then insist."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.alive():
                return
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
            if self._gone_within(patience):
                return
        raise TimeoutError(f"process {self.pid} does not end")

    def kill(self) -> None:
        """End it without asking, and wait until it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        if not self._gone_within(5.0):
            raise TimeoutError(f"process {self.pid} does not end")

    def freeze(self) -> None:
        """Stop it where it stands (SIGSTOP), and wait until each of its threads does."""
        os.kill(self.pid, signal.SIGSTOP)
        deadline = time.monotonic() + 5.0
        while not self._stands_still():
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {self.pid} does not stop")
            time.sleep(0.001)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def _stands_still(self) -> bool:
        with suppress(OSError):  # a thread may end meanwhile
            threads = Path(f"/proc/{self.pid}/task").glob("*/stat")
            return all(thread.read_text().rpartition(")")[2].split()[0] == "T" for thread in threads)
        return False

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.alive():
                return True
            time.sleep(0.05)
        return False


def start_process(command: Sequence[str], pid_file: Path, log: Path, env: Mapping[str, str]) -> Process:
    """Start a program that outlives this one, with its output in a log and its id in a file."""
    pid_file.unlink(missing_ok=True)
    forked = ["setsid", "--fork", "sh", "-c", 'echo $$ >"$0"; exec "$@"', str(pid_file), *command]
    with log.open("ab") as out:
        subprocess.run(forked, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=dict(env), check=True)
    pid = _written_id(pid_file)
    process = Process(pid, start_time_of(pid) or "")
    pid_file.write_text(f"{process.pid} {process.start_time}\n", encoding="utf-8")
    return process


def find_process(pid_file: Path) -> Process | None:
    """The program whose id is in this file, if it still runs."""
    with suppress(OSError, ValueError):
        pid, start_time = pid_file.read_text(encoding="utf-8").split()
        process = Process(int(pid), start_time)
        return process if process.alive() else None
    return None


def _written_id(pid_file: Path) -> int:
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        if pid_file.exists() and (text := pid_file.read_text(encoding="utf-8")).endswith("\n"):
            return int(text)
        time.sleep(0.005)
    raise TimeoutError(f"{pid_file} does not appear")


def start_time_of(pid: int) -> str | None:
    """Field 22 of /proc/PID/stat (proc(5)); None for a process that is gone, or dead and not yet reaped."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[19] if fields[0] not in "ZX" else None
    return None
