"""Other workers of this machine: whether they live, and which database they use."""

import os
import re
import socket
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.orm import Session, sessionmaker

from tuning.settings import Settings

_VARIABLE = b"PACKTRAIN_DATABASE_URL="


def is_alive(driver: str) -> bool | None:
    """Whether a worker, HOST:PID, lives; None where nobody can tell: only of this machine's anything is known."""
    process = _process(driver)
    if process is None:
        return None
    try:
        is_worker = b"worker" in (process / "cmdline").read_bytes().split(b"\0")
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    except OSError:
        return None
    return is_worker and state not in ("T", "Z")


def uses_database(driver: str, url: URL) -> bool:
    """Whether a living worker of this machine was started on this very database, and not on a copy of it."""
    process = _process(driver)
    if process is None:
        return False
    try:
        variables = (process / "environ").read_bytes().split(b"\0")
        folder = (process / "cwd").readlink()
    except OSError:
        return False
    given = next(
        (variable.removeprefix(_VARIABLE).decode() for variable in variables if variable.startswith(_VARIABLE)), None
    )
    default = str(Settings.model_fields["database_url"].default)
    return _is_same(make_url(given or default), folder, url)


def database_url(sessions: sessionmaker[Session]) -> URL:
    """The address of the database that these sessions are on."""
    with sessions() as session:
        return session.get_bind().engine.url


def _process(driver: str) -> Path | None:
    host, _, pid = driver.rpartition(":")
    is_number = re.fullmatch(r"[0-9]{1,9}", pid) is not None
    if host != socket.gethostname() or not is_number or int(pid) == os.getpid():
        return None
    return Path(f"/proc/{int(pid)}")


def _is_same(theirs: URL, their_folder: Path, ours: URL) -> bool:
    if theirs.get_backend_name() != "sqlite" or ours.get_backend_name() != "sqlite":
        return theirs == ours
    try:
        return (their_folder / (theirs.database or "")).samefile(ours.database or "")
    except OSError:
        return False
