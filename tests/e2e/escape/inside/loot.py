"""Search for canaries in files and folders; a refusal of the kernel is noted and is no fault."""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

CANARY = re.compile(rb"canary-[a-z]+-[0-9a-f]{16}")
MOST_BYTES = 1 << 20
MOST_ENTRIES = 4000
MOST_REFUSALS = 30

REFUSALS: list[str] = []
"""Refusals of the attack that this process tries."""


@contextmanager
def tried(step: str) -> Iterator[None]:
    """A step that may be refused."""
    try:
        yield
    except OSError as error:
        if len(REFUSALS) < MOST_REFUSALS:
            REFUSALS.append(f"{step}: {error.strerror or error}")


def canaries_in(content: bytes) -> Iterator[str]:
    """Each canary of a content."""
    yield from sorted({found.decode() for found in CANARY.findall(content)})


def canaries_of(path: Path | str) -> Iterator[str]:
    """The canaries of a regular file's first megabyte; a FIFO or device is not waited for."""
    with tried(f"read {path}"):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                yield from canaries_in(file.read(MOST_BYTES))


def canaries_below(*folders: Path | str) -> Iterator[str]:
    """The canaries of the names and files below folders, links not followed."""
    for folder in folders:
        for path in entries_below(folder):
            yield from canaries_in(os.fsencode(path))
            if path.is_file() and not path.is_symlink():
                yield from canaries_of(path)


def entries_below(folder: Path | str) -> Iterator[Path]:
    """All paths below a folder, bounded, as far as they may be listed."""
    left = MOST_ENTRIES
    for parent, folders, files in os.walk(folder, onerror=_refused):
        for name in [*folders, *files]:
            left -= 1
            if left < 0:
                return
            yield Path(parent, name)


def leave_marks(folders: Iterable[Path | str], mark: str) -> None:
    """A file named by the mark in each of the folders: whether it reached the host is seen there."""
    for folder in folders:
        with tried(f"write in {folder}"):
            Path(folder, mark).write_text(mark)


def _refused(error: OSError) -> None:
    with tried(f"list {error.filename}"):
        raise error
