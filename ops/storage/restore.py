"""A backup brought back, into a place that holds nothing else."""

import os
import sqlite3
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ops.databases import read_url, sqlite_file
from ops.storage.manifest import DATABASE, KEY, MANIFEST, Manifest, content_name
from tuning.datasets.storage.store import EXTENSIONS, ContentName, ContentStore
from tuning.errors import Conflict, NotFound, PacktrainError
from tuning.migrate import knows_revision, upgrade
from tuning.private_files import make_private_folder
from tuning.settings import Settings

_PIECE_BYTES = 1024 * 1024
_MOST_OF_A_TEXT_BYTES = 64 * 1024
_BESIDE = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Restored:
    """Outcome of a restore: what was brought back."""

    manifest: Manifest
    contents: int


def restore_backup(settings: Settings, file: Path, *, key_to: Path | None = None) -> Restored:
    """Bring a backup back: uploads, then the key where it is wanted, then the database. Raises PacktrainError."""
    with _file_errors(file), tarfile.open(file, "r:") as tar:
        members = _members(tar, file)
        manifest = _manifest(tar, members, file)
        place = _place_of_database(settings, manifest)
        contents = {content: member for name, member in members.items() if (content := content_name(name)) is not None}
        store = _empty_store(settings, frozenset(contents))
        for content, member in contents.items():
            _bring_content(tar, member, content, store)
        if key_to is not None:
            _bring_key(tar, members, key_to)
        if place is not None:
            _bring_database(tar, members, place)
    return Restored(manifest, len(contents))


def _members(tar: tarfile.TarFile, file: Path) -> Mapping[str, tarfile.TarInfo]:
    """Members of the file; a name that is none of ours, or no plain file, is nothing that we have written."""
    members: dict[str, tarfile.TarInfo] = {}
    for member in tar:
        is_ours = member.name in (DATABASE, KEY, MANIFEST) or content_name(member.name) is not None
        if not (is_ours and member.isreg()) or member.name in members:
            hint = "give a file that `packtrain backup` has written"
            raise Conflict(f"{file} is no backup of packtrain's: it holds {member.name[:100]!r}", hint=hint)
        members[member.name] = member
    return members


def _manifest(tar: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo], file: Path) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(_text(tar, members, MANIFEST))
    except NotFound as error:
        hint = "it was cut off, or is something else: take another backup"
        raise Conflict(f"{file} is no whole backup: it does not say what it is", hint=hint) from error
    except ValidationError as error:
        raise Conflict(f"{file} was written by another version", hint="restore it with that one") from error
    if not knows_revision(manifest.revision):
        message = f"{file} has a schema that this version does not know: {manifest.revision}"
        raise Conflict(message, hint="restore it with the version that took it, or a newer one")
    return manifest


def _text(tar: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo], name: str) -> bytes:
    stream = tar.extractfile(members[name]) if name in members else None
    if stream is None:
        raise NotFound(f"the backup has no {name}")
    return stream.read(_MOST_OF_A_TEXT_BYTES)


def _place_of_database(settings: Settings, manifest: Manifest) -> Path | None:
    """Place of SQLite's file; None for PostgreSQL, which restores its own."""
    place = sqlite_file(read_url(settings.database_url))
    if (place is None) != (manifest.database == "postgresql"):
        hint = "restore with PACKTRAIN_DATABASE_URL of that kind, then `packtrain database copy` goes to the other"
        raise Conflict(f"the backup is of a packtrain on {manifest.database}", hint=hint)
    if place is not None and any(Path(f"{place}{ending}").exists() for ending in _BESIDE):
        raise Conflict(f"there is a database already: {place}", hint="move it and the files beside it away first")
    return place


def _empty_store(settings: Settings, named: frozenset[ContentName]) -> ContentStore:
    """The folder of uploads. What the backup holds may be there: an earlier restore was broken off."""
    folder = settings.data_dir / "datasets"
    for path in folder.glob("??/*"):
        if ContentName(path.parent.name + path.stem, path.suffix.removeprefix(".")) not in named:
            hint = "give an empty PACKTRAIN_DATA_DIR: what no row names there would be removed by the server"
            raise Conflict(f"{folder} holds uploads that are not in the backup: {path}", hint=hint)
    make_private_folder(settings.data_dir)
    return ContentStore(folder, settings.max_upload_bytes)


def _bring_content(tar: tarfile.TarFile, member: tarfile.TarInfo, content: ContentName, store: ContentStore) -> None:
    stream = tar.extractfile(member)
    if stream is None or store.path(*content).exists():
        return
    with store.receive() as incoming:
        while piece := stream.read(_PIECE_BYTES):
            incoming.write(piece)
        if incoming.sha256 != content.sha256:
            raise Conflict(f"the backup is damaged: {member.name} has another content", hint="take an older one")
        incoming.keep(next((known for known in EXTENSIONS if known == content.extension), "jsonl"))


def _bring_key(tar: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo], place: Path) -> None:
    if place.exists():
        raise Conflict(f"{place} is there already", hint="give another name for the key")
    with os.fdopen(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as stream:
        stream.write(_text(tar, members, KEY))


def _bring_database(tar: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo], place: Path) -> None:
    """Under another name until it is whole, and has this version's schema."""
    stream = tar.extractfile(members[DATABASE]) if DATABASE in members else None
    if stream is None:
        raise Conflict("the backup is damaged: it has no database", hint="take an older one")
    place.parent.mkdir(parents=True, exist_ok=True)
    growing = Path(f"{place}.restoring")
    try:
        with os.fdopen(os.open(growing, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as file:
            while piece := stream.read(_PIECE_BYTES):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        _require_sound(growing)
        upgrade(f"sqlite:///{growing}")
        growing.rename(place)
    finally:
        for ending in _BESIDE:
            Path(f"{growing}{ending}").unlink(missing_ok=True)


def _require_sound(file: Path) -> None:
    try:
        with closing(sqlite3.connect(file)) as connection:
            said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        raise Conflict(f"the database in the backup is damaged: {said}", hint="take an older backup")


@contextmanager
def _file_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except tarfile.TarError as error:
        raise Conflict(f"{file} is no whole backup: {error}", hint="take another one") from error
    except OSError as error:
        hint = "no database was put into its place: mend that, and run it again"
        raise PacktrainError(f"{file} cannot be restored: {error}", hint=hint) from error
