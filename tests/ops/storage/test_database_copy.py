"""Every row of a database is copied into another of either kind, or nothing is."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, select, text
from sqlalchemy.orm import Session, sessionmaker

from ops.storage import database_copy
from ops.storage.database_copy import copy_database
from tests.conftest import fresh_postgresql_database
from tests.factories import NOON, make_attempt, make_dataset, make_job, make_token, make_user
from tuning.clusters.models import ClusterRow
from tuning.db.engine import open_engine, open_sessions, transaction
from tuning.errors import Conflict, NotFound, PacktrainError
from tuning.jobs.models import JobEvent, LogChunk
from tuning.jobs.search.order import Sort
from tuning.jobs.search.page import Filter, list_jobs
from tuning.tables import METADATA


@pytest.fixture(params=["sqlite", "postgresql"])
def target_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table, of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'target.db'}"
        return
    with fresh_postgresql_database(request.getfixturevalue("postgresql_server"), "template0") as url:
        yield url


def _fill(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        ada = make_user(session)
        make_token(session, ada)
        job = make_job(session, ada, name="日本語 sweep", tags={"team": "mt"}, config={"epochs": 1e-4, "a": None})
        make_attempt(session, job)
        make_dataset(session, ada, job=job, head=b"\x00\xff")
        piece = {"job_id": job.id, "attempt": 1, "stream": "stderr", "offset_bytes": 0, "content": b"\x00log"}
        session.add(LogChunk(**piece))
        session.add(ClusterRow(name="lab", lease_token=7, snapshot={"partitions": []}))
        session.add_all(
            JobEvent(job_id=job.id, at=NOON, type="warning", message=f"{number}", data={}) for number in range(5)
        )
        session.flush()
        session.execute(delete(JobEvent).where(JobEvent.message == "4"))


def _rows(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    def in_order(table: Table) -> list[tuple[Any, ...]]:
        rows = connection.execute(select(table).order_by(*table.primary_key))
        return [tuple(row) for row in rows]  # JSONB has an order of keys of its own

    return {table.name: in_order(table) for table in METADATA.sorted_tables}


def _all_rows(database_url: str) -> dict[str, list[tuple[Any, ...]]]:
    engine = open_engine(database_url)
    try:
        with engine.connect() as connection:
            return _rows(connection)
    finally:
        engine.dispose()


def test_every_row_is_as_it_was(
    database_url: str, sessions: sessionmaker[Session], target_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_copy, "ROWS_AT_ONCE", 2)
    _fill(sessions)
    counts = copy_database(database_url, target_url, NOON)
    assert _all_rows(target_url) == _all_rows(database_url)
    assert {name: count for name, count in counts.items() if count} == {
        "users": 1, "tokens": 1, "jobs": 1, "job_tags": 1, "attempts": 1, "datasets": 1, "job_datasets": 1,
        "log_chunks": 1, "clusters": 1, "job_events": 4, "teams": 1, "memberships": 1,
    }  # fmt: skip


def test_ids_go_on_behind_the_last_and_names_are_found(
    database_url: str, sessions: sessionmaker[Session], target_url: str
) -> None:
    _fill(sessions)
    copy_database(database_url, target_url, NOON)
    engine = open_engine(target_url)
    with transaction(open_sessions(engine)) as session:
        found = list_jobs(session, Filter(text="語 sw"), Sort.NEWEST, None, 5).jobs
        event = JobEvent(job_id=found[0].id, at=NOON, type="warning", message="new", data={})
        session.add(event)
        session.flush()
        assert event.id == 6
    engine.dispose()


def test_a_target_with_rows_is_left_as_it_is(
    database_url: str, sessions: sessionmaker[Session], target_url: str
) -> None:
    _fill(sessions)
    copy_database(database_url, target_url, NOON)
    before = _all_rows(target_url)
    with pytest.raises(Conflict, match="not empty: there are rows in"):
        copy_database(database_url, target_url, NOON)
    assert _all_rows(target_url) == before


def test_a_target_with_other_tables_is_refused(database_url: str, target_url: str) -> None:
    engine = open_engine(target_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alien (id INTEGER)"))
    engine.dispose()
    with pytest.raises(Conflict, match="not those of this version"):
        copy_database(database_url, target_url, NOON)


def test_a_database_that_a_worker_drives_is_refused(
    database_url: str, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    with transaction(sessions) as session:
        until = NOON + timedelta(seconds=30)
        session.add(ClusterRow(name="lab", lease_owner="vm:7", lease_token=1, lease_expires_at=until))
    target = tmp_path / "target.db"
    with pytest.raises(Conflict, match="the worker vm:7 drives lab"):
        copy_database(database_url, f"sqlite:///{target}", NOON)
    assert not target.exists()
    copy_database(database_url, f"sqlite:///{target}", until)


def test_a_copy_that_breaks_off_leaves_no_row(
    database_url: str, sessions: sessionmaker[Session], sqlite_template: Path, tmp_path: Path
) -> None:
    _fill(sessions)
    target = f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'target.db')}"
    engine = open_engine(target)
    with engine.begin() as connection:
        words = "CREATE TRIGGER refuse BEFORE INSERT ON job_events BEGIN SELECT RAISE(ABORT, 'no room'); END"
        connection.execute(text(words))
    engine.dispose()
    before = _all_rows(target)
    with pytest.raises(PacktrainError, match="cannot be used: no room"):
        copy_database(database_url, target, NOON)
    assert _all_rows(target) == before
    assert [table for table, rows in before.items() if rows] == ["teams"], "the migrations' own"


def test_a_missing_source_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no database"):
        copy_database(f"sqlite:///{tmp_path / 'none.db'}", f"sqlite:///{tmp_path / 'target.db'}", NOON)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://x/y", "postgresql://x/y", "sqlite://", "http://[x"])
def test_what_is_no_database_is_refused(url: str, sqlite_template: Path) -> None:
    with pytest.raises(PacktrainError) as error:
        copy_database(f"sqlite:///{sqlite_template}", url, NOON)
    assert "postgresql+psycopg://" in str(error.value.hint)


def test_a_password_is_not_shown(sqlite_template: Path) -> None:
    with pytest.raises(PacktrainError, match="cannot be used") as error:
        copy_database(f"sqlite:///{sqlite_template}", "postgresql+psycopg://ada:hush@127.0.0.1:1/x", NOON)
    assert "hush" not in str(error.value)
