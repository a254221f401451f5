"""A backup holds what the rows need, and comes back as it was, or not at all."""

import hashlib
import io
import json
import sqlite3
import stat
import tarfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from ops.storage.backup import take_backup
from ops.storage.manifest import content_name, member_name
from ops.storage.restore import restore_backup
from tests.factories import NOON, make_dataset, make_job, make_user
from tuning.datasets.storage.store import EXTENSIONS, ContentName, ContentStore
from tuning.db.engine import open_engine, open_sessions, transaction
from tuning.errors import Conflict, NotFound, PacktrainError
from tuning.jobs.models import Job
from tuning.migrate import downgrade, is_current, upgrade
from tuning.settings import Settings

_TEXT = b'[{"instruction": "a", "output": "b"}]'
_SHA256 = hashlib.sha256(_TEXT).hexdigest()


def _settings(folder: Path, **values: object) -> Settings:
    given = {"database_url": f"sqlite:///{folder / 'packtrain.db'}", "data_dir": folder / "data", "secrets_key": None}
    return Settings.model_validate({**given, **values})


@pytest.fixture
def there(tmp_path: Path) -> Settings:
    """A packtrain with a job and an upload."""
    folder = tmp_path / "there"
    settings = _settings(folder, secrets_key=SecretStr("hush"))
    upgrade(settings.database_url)
    settings.data_dir.mkdir()
    _upload(settings)
    engine = open_engine(settings.database_url)
    with transaction(open_sessions(engine)) as session:
        ada = make_user(session)
        make_dataset(session, ada, job=make_job(session, ada, name="sweep"), sha256=_SHA256)
        make_dataset(session, ada, name="on a cluster", cluster="lab", sha256="b" * 64)
    engine.dispose()
    return settings


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    """An empty place."""
    return _settings(tmp_path / "here")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backup.tar"


def _upload(settings: Settings, content: bytes = _TEXT) -> None:
    with ContentStore(settings.data_dir / "datasets", 1000).receive() as incoming:
        incoming.write(content)
        incoming.keep("json")


def _members(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as tar:
        return {member.name: stream.read() for member in tar if (stream := tar.extractfile(member)) is not None}


def _write(file: Path, members: Mapping[str, bytes]) -> None:
    with tarfile.open(file, "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def _job_names(settings: Settings) -> list[str]:
    engine = open_engine(settings.database_url)
    try:
        with engine.connect() as connection:
            assert is_current(connection)
            return list(connection.execute(select(Job.name)).scalars())
    finally:
        engine.dispose()


def test_a_backup_of_a_running_database_comes_back(there: Settings, here: Settings, file: Path) -> None:
    engine = open_engine(there.database_url)
    with engine.connect() as connection:
        connection.execute(select(Job.name)).all()  # its log is open, with what is not in the file yet
        taken = take_backup(there, file, with_key=False, now=NOON)
    engine.dispose()
    restored = restore_backup(here, file)
    assert (taken.contents, taken.missing, restored.manifest) == (1, (), taken.manifest)
    assert _job_names(here) == ["sweep"]
    assert ContentStore(here.data_dir / "datasets", 0).path(_SHA256, "json").read_bytes() == _TEXT
    assert {path.name for path in file.parent.iterdir()} == {"there", "here", "backup.tar"}


def test_files_are_closed_to_others(there: Settings, here: Settings, file: Path) -> None:
    take_backup(there, file, with_key=True, now=NOON)
    key = file.parent / "key"
    restore_backup(here, file, key_to=key)
    database = Path(here.database_url.removeprefix("sqlite:///"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in (file, key, database)} == {0o600}


def test_the_key_is_in_it_when_asked_for(there: Settings, here: Settings, file: Path) -> None:
    take_backup(there, file, with_key=False, now=NOON)
    assert "secrets_key" not in _members(file)
    with_key = file.with_name("with-key.tar")
    take_backup(there, with_key, with_key=True, now=NOON)
    restore_backup(here, with_key, key_to=file.parent / "key")
    assert (file.parent / "key").read_text() == "hush"


def test_a_key_that_is_not_there_is_told(there: Settings, file: Path) -> None:
    with pytest.raises(NotFound, match="no key"):
        take_backup(there.model_copy(update={"secrets_key": None}), file, with_key=True, now=NOON)
    assert not file.exists()


def test_an_upload_that_is_gone_is_told(there: Settings, file: Path) -> None:
    ContentStore(there.data_dir / "datasets", 0).path(_SHA256, "json").unlink()
    taken = take_backup(there, file, with_key=False, now=NOON)
    assert (taken.contents, taken.missing) == (0, (ContentName(_SHA256, "json"),))


def test_an_upload_that_was_deleted_is_neither_saved_nor_missed(there: Settings, file: Path) -> None:
    engine = open_engine(there.database_url)
    with transaction(open_sessions(engine)) as session:
        make_dataset(session, make_user(session, name="bob"), sha256="c" * 64, deleted_at=NOON)
    engine.dispose()
    taken = take_backup(there, file, with_key=False, now=NOON)
    assert (taken.contents, taken.missing) == (1, ())


def test_no_backup_is_overwritten(there: Settings, file: Path) -> None:
    file.write_text("precious")
    with pytest.raises(Conflict, match="there already"):
        take_backup(there, file, with_key=False, now=NOON)
    assert file.read_text() == "precious"


def test_a_folder_that_is_not_there_is_told(there: Settings, tmp_path: Path) -> None:
    with pytest.raises(PacktrainError, match="cannot be written"):
        take_backup(there, tmp_path / "none" / "backup.tar", with_key=False, now=NOON)


def test_a_missing_database_is_not_made(here: Settings, file: Path) -> None:
    with pytest.raises(NotFound, match="no database"):
        take_backup(here, file, with_key=False, now=NOON)
    assert list(file.parent.iterdir()) == []


def test_a_place_with_a_database_is_left_alone(there: Settings, file: Path) -> None:
    take_backup(there, file, with_key=False, now=NOON)
    with pytest.raises(Conflict, match="a database already"):
        restore_backup(there, file)
    assert _job_names(there) == ["sweep"]


def test_a_place_with_other_uploads_is_left_alone(there: Settings, here: Settings, file: Path) -> None:
    take_backup(there, file, with_key=False, now=NOON)
    here.data_dir.mkdir(parents=True)
    _upload(here, b"[]")
    with pytest.raises(Conflict, match="not in the backup"):
        restore_backup(here, file)


def test_a_restore_that_broke_off_goes_on(there: Settings, here: Settings, file: Path) -> None:
    take_backup(there, file, with_key=False, now=NOON)
    here.data_dir.mkdir(parents=True)
    _upload(here)
    restore_backup(here, file)
    assert _job_names(here) == ["sweep"]


def test_an_older_schema_is_brought_up_to_date(there: Settings, here: Settings, file: Path) -> None:
    take_backup(there, file, with_key=False, now=NOON)
    members = _members(file)
    old = file.with_name("old.db")
    old.write_bytes(members["database.db"])
    downgrade(f"sqlite:///{old}", "0011")
    manifest = {**json.loads(members["manifest.json"]), "revision": "0011"}
    _write(file, {**members, "database.db": old.read_bytes(), "manifest.json": json.dumps(manifest).encode()})
    restore_backup(here, file)
    assert _job_names(here) == ["sweep"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"manifest.json": None}, "no whole backup"),
        ({"database.db": None}, "has no database"),
        ({"database.db": b"SQLite format 3\0 and nothing"}, "is damaged"),
        ({f"contents/{_SHA256}.json": b"[]"}, "another content"),
        ({"../escape": b""}, "is no backup"),
        ({"manifest.json": b'{"form": 2}'}, "another version"),
        ({"manifest.json": b"\xff" * 100_000}, "another version"),
    ],
)
def test_what_is_no_sound_backup_leaves_no_database(
    there: Settings, here: Settings, file: Path, changed: dict[str, bytes | None], said: str
) -> None:
    take_backup(there, file, with_key=False, now=NOON)
    members = {**_members(file), **changed}
    _write(file, {name: content for name, content in members.items() if content is not None})
    with pytest.raises(Conflict, match=said):
        restore_backup(here, file)
    assert list(here.data_dir.parent.glob("packtrain.db*")) == []


def test_a_newer_schema_is_refused(there: Settings, here: Settings, file: Path) -> None:
    take_backup(there, file, with_key=False, now=NOON)
    members = _members(file)
    manifest = {**json.loads(members["manifest.json"]), "revision": "9999"}
    _write(file, {**members, "manifest.json": json.dumps(manifest).encode()})
    with pytest.raises(Conflict, match="does not know: 9999"):
        restore_backup(here, file)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 0.9])
def test_a_file_that_was_cut_off_is_refused(there: Settings, here: Settings, file: Path, share: float) -> None:
    take_backup(there, file, with_key=False, now=NOON)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(PacktrainError):
        restore_backup(here, file)
    assert list(here.data_dir.parent.glob("packtrain.db*")) == []


def test_a_link_in_the_file_is_refused(here: Settings, file: Path) -> None:
    with tarfile.open(file, "w") as tar:
        member = tarfile.TarInfo("database.db")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    with pytest.raises(Conflict, match="is no backup"):
        restore_backup(here, file)


def test_of_postgresql_the_uploads_alone_are_saved(
    there: Settings, here: Settings, database_url: str, sessions: sessionmaker[Session], file: Path
) -> None:
    with transaction(sessions) as session:
        make_dataset(session, make_user(session), sha256=_SHA256)
    taken = take_backup(there.model_copy(update={"database_url": database_url}), file, with_key=False, now=NOON)
    is_sqlite = database_url.startswith("sqlite")
    assert (taken.contents, "database.db" in _members(file)) == (1, is_sqlite)
    if not is_sqlite:
        with pytest.raises(Conflict, match="on postgresql"):
            restore_backup(here, file)
        restored = restore_backup(here.model_copy(update={"database_url": database_url}), file)
        assert restored.contents == 1


def test_a_database_that_is_none_is_told(there: Settings, file: Path) -> None:
    path = Path(there.database_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(PacktrainError, match="cannot be saved"):
        take_backup(there, file, with_key=False, now=NOON)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_every_kind_of_content_has_a_name_in_it(extension: str) -> None:
    content = ContentName("ab" * 32, extension)
    assert content_name(member_name(content)) == content


@given(st.text())
def test_any_name_is_an_upload_or_none(name: str) -> None:
    content = content_name(name)
    assert content is None or member_name(content) == name
