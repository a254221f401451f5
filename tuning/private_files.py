"""Modes of what the service keeps on its own disk: nobody else's account may read it."""

import os
from pathlib import Path

from sqlalchemy import make_url

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
_BESIDE_THE_DATABASE = ("", "-wal", "-shm", "-journal")


def make_database_file(database_url: str) -> None:
    """Make an SQLite file that is not there yet, for its owner alone, and its folder; any other URL needs nothing."""
    path = _database_path(database_url)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _FILE_MODE))


def close_database_to_others(database_url: str) -> None:
    """Take the access of others away from an SQLite file that an earlier version made, and from those beside it."""
    path = _database_path(database_url)
    for ending in _BESIDE_THE_DATABASE if path is not None else ():
        _close_to_others(Path(f"{path}{ending}"), _FILE_MODE)


def make_private_folder(folder: Path) -> None:
    """Make a folder for its owner alone, and take the access of others away from one that is there."""
    folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
    _close_to_others(folder, _FOLDER_MODE)


def _database_path(database_url: str) -> Path | None:
    url = make_url(database_url)
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)) if is_file else None


def _close_to_others(path: Path, mode: int) -> None:
    """Only its owner can; a volume that belongs to somebody else keeps the mode that he gave it."""
    if path.exists() and path.stat().st_uid == os.geteuid():
        path.chmod(mode)
