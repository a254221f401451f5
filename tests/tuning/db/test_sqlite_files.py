"""Nothing committed is lost when SQLite's log is removed, and nothing is written to a file without a name."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, literal, select, text, type_coerce
from sqlalchemy.exc import OperationalError

from tests.factories import NOON
from tuning.db.engine import UtcSeconds, open_engine


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "packtrain.db"


@pytest.fixture
def engines(path: Path) -> Iterator[tuple[Engine, Engine]]:
    """A server's and a worker's, with a table."""
    server, worker = open_engine(f"sqlite:///{path}"), open_engine(f"sqlite:///{path}")
    with server.begin() as connection:
        connection.execute(text("CREATE TABLE kept (id INTEGER PRIMARY KEY)"))
    yield server, worker
    server.dispose()
    worker.dispose()


def keep(engine: Engine, number: int) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO kept VALUES (:number)"), {"number": number})


def kept(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT id FROM kept ORDER BY id")))


def remove(path: Path, *suffixes: str) -> None:
    for suffix in suffixes:
        path.with_name(f"{path.name}{suffix}").unlink()


def test_every_commit_is_on_the_disk_before_it_is_told(engines: tuple[Engine, Engine]) -> None:
    with engines[0].connect() as connection:
        assert connection.scalar(text("PRAGMA synchronous")) == 2, "2 is FULL: a power cut takes no commit back"


@pytest.mark.parametrize("suffixes", [("-wal",), ("-wal", "-shm")], ids=["log", "log and index"])
def test_a_log_that_somebody_removes_costs_nothing_that_was_committed(
    engines: tuple[Engine, Engine], path: Path, suffixes: tuple[str, ...]
) -> None:
    server, worker = engines
    keep(server, 1)
    keep(worker, 2)
    remove(path, *suffixes)
    assert kept(worker) == [1, 2]
    keep(server, 3)
    keep(worker, 4)
    assert kept(server) == [1, 2, 3, 4]
    server.dispose()
    worker.dispose()
    assert kept(server) == [1, 2, 3, 4]


def test_a_transaction_whose_log_is_removed_is_said_to_have_failed(engines: tuple[Engine, Engine], path: Path) -> None:
    server, _ = engines
    keep(server, 1)
    with pytest.raises(OperationalError, match="nothing was written"), server.begin() as connection:  # noqa: PT012
        connection.execute(text("INSERT INTO kept VALUES (2)"))
        remove(path, "-wal")
    keep(server, 3)
    assert kept(server) == [1, 3]


def test_a_restored_database_is_read_and_written(engines: tuple[Engine, Engine], path: Path) -> None:
    server, worker = engines
    keep(server, 1)
    server.dispose()
    worker.dispose()
    shutil.copy(path, path.with_name("backup"))
    for engine in engines:
        keep(engine, 2 if engine is server else 3)
    remove(path, "-wal", "-shm")
    path.with_name("backup").rename(path)
    assert [kept(engine) for engine in engines] == [[1], [1]]
    keep(worker, 7)
    assert kept(server) == [1, 7]


@pytest.mark.parametrize(
    "written", ["2026-11-21 12:00:00.000000", "2026-11-21 17:00:00+05:00", "2026-11-21T12:00:00+00:00"]
)
def test_a_time_is_read_as_seconds_with_and_without_an_offset(engines: tuple[Engine, Engine], written: str) -> None:
    with engines[0].connect() as connection:
        assert connection.scalar(select(type_coerce(literal(written), UtcSeconds()))) == NOON.timestamp()
