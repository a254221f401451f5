"""A folder of rows and media, sent as one file: a tar that is made for the upload and removed behind it."""

import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_file(path: Path) -> Iterator[Path]:
    """The file itself; for a folder, a tar of what is in it, under the folder's name. Links to files are followed."""
    if not path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="packtrain-") as place:
        tar = Path(place) / f"{path.resolve().name}.tar"
        _write(tar, path)
        yield tar


def _write(tar: Path, folder: Path) -> None:
    with tarfile.open(tar, "w", dereference=True) as packed:
        for name in _files(folder):
            packed.add(folder / name, arcname=name, recursive=False)


def _files(folder: Path) -> Iterator[str]:
    """Relative names, in order, of what is no hidden file."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (
            str((Path(place) / name).relative_to(folder))
            for name in sorted(names)
            if not name.startswith(".") and (Path(place) / name).is_file()
        )
