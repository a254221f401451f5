"""Long steps, said aloud and timed: whoever waits for minutes should see what for, and where it broke."""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class StepError(Exception):
    """A step failed; the sentence says which, and names the log where there is one."""


class Printed:
    """Printer that keeps its last line, so that on a terminal the end of a step takes the line of its announcement."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = ""

    def add(self, text: str, over: str | None = None) -> None:
        """Print at once: lines of parallel steps come out in the order in which they happened.

        It takes the place of the line `over`, if that still is the last one on a terminal that holds it in one row.
        """
        with self._lock:
            fits = over is not None and len(over) < shutil.get_terminal_size().columns
            is_over = fits and over == self._last and sys.stdout.isatty()
            sys.stdout.write(f"\x1b[1A\x1b[2K{text}\n" if is_over else f"{text}\n")
            sys.stdout.flush()
            self._last = text


_printed = Printed()


def say(text: str) -> None:
    """Print a line."""
    _printed.add(text)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a step and, when it went well, how long it took."""
    announcement = f"{title} ..."
    say(announcement)
    start = time.monotonic()
    yield
    _printed.add(f"{title}: {time.monotonic() - start:.0f} s", over=announcement)


def run_logged(command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None) -> None:
    """Run a command with its output kept in a file; the file's end is shown only when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, check=False)
    if result.returncode != 0:
        raise StepError(f"{command[0]} failed ({result.returncode}); the log is {log}, which ends:\n{tail(log)}")


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, or nothing where there is no log."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
