"""A file with all that the service itself keeps, taken while it runs."""

import io
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from ops.databases import opened, read_url, sqlite_file
from ops.storage.manifest import DATABASE, KEY, MANIFEST, Manifest, member_name
from tuning.clusters.models import Installation
from tuning.datasets.models import Dataset
from tuning.datasets.repository import needed_contents
from tuning.datasets.storage.store import ContentName, ContentStore
from tuning.errors import Conflict, NotFound, PacktrainError
from tuning.jobs.queries.use.dataset_use import IN_USE
from tuning.migrate import head_revision, is_current
from tuning.settings import Settings


@dataclass(frozen=True)
class Taken:
    """Outcome of a backup: the uploads it holds, and those it should hold and does not."""

    manifest: Manifest
    contents: int
    missing: tuple[ContentName, ...]
    """Rows name them, and the data folder has them not."""


def take_backup(settings: Settings, file: Path, *, with_key: bool, now: datetime) -> Taken:
    """Write a file that is not there yet, whole or not at all. Raises PacktrainError."""
    if file.exists():
        raise Conflict(f"{file} is there already", hint="give another name: no backup is overwritten")
    with _disk_errors(file), tempfile.TemporaryDirectory(dir=file.parent, prefix=".packtrain-backup-") as folder:
        growing = Path(folder) / "backup.tar"
        with os.fdopen(os.open(growing, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600), "w+b") as stream:
            with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
                taken = _fill(tar, settings, Path(folder) / DATABASE, now, with_key=with_key)
            stream.flush()
            os.fsync(stream.fileno())
        growing.rename(file)
    return taken


def _fill(tar: tarfile.TarFile, settings: Settings, snapshot: Path, now: datetime, *, with_key: bool) -> Taken:
    """The rows first: what is uploaded after them is not theirs."""
    manifest, wanted = _save_rows(settings.database_url, snapshot, now)
    if manifest.database == "sqlite":
        tar.add(snapshot, DATABASE, filter=_without_owner)
    missing = tuple(_add_contents(tar, wanted, ContentStore(settings.data_dir / "datasets", 0)))
    if with_key:
        if settings.secrets_key is None:
            raise NotFound("there is no key to take along", hint="leave --with-key out, or set PACKTRAIN_SECRETS_KEY")
        _add_text(tar, KEY, settings.secrets_key.get_secret_value())
    _add_text(tar, MANIFEST, manifest.model_dump_json())
    return Taken(manifest, len(wanted) - len(missing), missing)


def _save_rows(database_url: str, snapshot: Path, now: datetime) -> tuple[Manifest, Sequence[ContentName]]:
    """SQLite's rows in a file of their own, as they are at one moment; of PostgreSQL only what they name."""
    file = sqlite_file(read_url(database_url))
    if file is not None:
        _copy_sqlite(file, snapshot)
        database_url = f"sqlite:///{snapshot}"
    with opened(database_url) as engine, engine.connect() as connection:
        if not is_current(connection):
            raise Conflict("the database has another schema than this version", hint="run `packtrain migrate`")
        installation = connection.execute(select(Installation.id)).scalar()
        wanted = _named_contents(connection)
    kind = "sqlite" if file is not None else "postgresql"
    told = {"database": kind, "revision": head_revision(), "installation": installation, "taken_at": now}
    return Manifest.model_validate(told), wanted


def _copy_sqlite(file: Path, snapshot: Path) -> None:
    """By SQLite's own backup: a plain copy of a file in use may be broken. Writers do not wait for it."""
    if not file.exists():
        raise NotFound(f"there is no database {file}", hint="PACKTRAIN_DATABASE_URL names what is saved")
    try:
        with closing(sqlite3.connect(file, timeout=30)) as source, closing(sqlite3.connect(snapshot)) as target:
            source.backup(target)
    except sqlite3.Error as error:
        raise PacktrainError(f"the database {file} cannot be saved: {error}") from error


def _named_contents(connection: Connection) -> Sequence[ContentName]:
    """Uploads in the data folder that rows need; all other contents lie on a cluster."""
    wanted = select(Dataset.sha256, Dataset.extension).where(Dataset.cluster.is_(None), Dataset.sha256 != "").distinct()
    with Session(connection) as session:
        needed = needed_contents(session, IN_USE)
        found = session.execute(wanted.order_by(Dataset.sha256))
        return [ContentName(sha256, extension) for sha256, extension in found if sha256 in needed]


def _add_contents(tar: tarfile.TarFile, wanted: Sequence[ContentName], store: ContentStore) -> Iterator[ContentName]:
    """Answers those that are not there, or went while the backup was taken."""
    for content in wanted:
        try:
            tar.add(store.path(*content), member_name(content), filter=_without_owner)
        except FileNotFoundError:
            yield content


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode()
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    tar.addfile(member, io.BytesIO(content))


@contextmanager
def _disk_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "nothing is left of it; it needs as much room as database and uploads take, and the database once more"
        raise PacktrainError(f"the backup {file} cannot be written: {error}", hint=hint) from error
