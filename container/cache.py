"""Things that take long to make are made once and kept, named by a hash of what they are made of."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_root() -> Path:
    """Folder of everything that can be made again."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    root = Path(base) / "packtrain"
    root.mkdir(parents=True, exist_ok=True)
    return root


def digest(inputs: Iterable[Path | str]) -> str:
    """A short hash over texts and files (a folder counts with every file in it), in the order given."""
    total = hashlib.sha256()
    for item in inputs:
        for name, content in _pieces(item):
            total.update(f"{name}\0{len(content)}\0".encode())
            total.update(content)
    return total.hexdigest()[:12]


def build_once(target: Path, make: Callable[[Path], None]) -> Path:
    """Return `target`, making it first where it is missing.

    `make` fills a name beside it that is renamed at the end, so what has the name is whole; a lock makes a
    second builder wait and then find the work done.
    """
    if target.exists():
        return target
    with lock(target):
        if not target.exists():
            part = target.with_name(target.name + ".part")
            remove(part)  # of a builder that was killed
            try:
                make(part)
                part.rename(target)
            finally:
                remove(part)
    return target


def remove(path: Path) -> None:
    """Delete a file or a whole folder; one that is not there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def emptied(name: str) -> Iterator[Path]:
    """A new folder in the cache that is removed at the end, or by the next one who asks when this process is killed."""
    folder = cache_root() / name
    remove(folder)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        remove(folder)


@contextmanager
def lock(target: Path) -> Iterator[None]:
    """Hold a lock that the kernel drops with its process: a crash leaves nothing to clear away."""
    with target.with_name(target.name + ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _pieces(item: Path | str) -> Iterator[tuple[str, bytes]]:
    if isinstance(item, str):
        yield "text", item.encode()
    elif item.is_dir():
        for path in sorted(item.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield str(path.relative_to(item)), path.read_bytes()
    else:
        yield item.name, item.read_bytes()
