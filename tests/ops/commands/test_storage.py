"""packtrain storage, on a database with an old upload."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from typer.testing import CliRunner, Result

from packtrain.cli.main import app
from tests.factories import NOON, make_dataset, make_job, make_user
from tuning.datasets.models import Dataset
from tuning.db.engine import open_engine, open_sessions, transaction
from tuning.jobs.models import Artifact, Removal
from tuning.jobs.status import JobStatus
from tuning.migrate import upgrade
from tuning.people.audit import AuditFilter, entries
from tuning.people.models import User


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["storage", *words])


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sessionmaker[Session]]:
    """Sessions of a database whose one upload is a year old."""
    url = f"sqlite:///{tmp_path / 'packtrain.db'}"
    monkeypatch.setenv("PACKTRAIN_DATABASE_URL", url)
    monkeypatch.setenv("PACKTRAIN_DATA_DIR", str(tmp_path / "data"))
    upgrade(url)
    engine = open_engine(url)
    (tmp_path / "data" / "datasets" / "incoming").mkdir(parents=True)
    with transaction(open_sessions(engine)) as session:
        year_ago = NOON.replace(year=NOON.year - 2)
        make_dataset(session, make_user(session), id="ds_old", size_bytes=2_000_000, created_at=year_ago)
    yield open_sessions(engine)
    engine.dispose()


def is_deleted(sessions: sessionmaker[Session]) -> bool:
    with sessions() as session:
        return session.get_one(Dataset, "ds_old").deleted_at is not None


def test_it_shows_and_removes_nothing_by_itself(old: sessionmaker[Session]) -> None:
    shown = run("--older-than", "30")
    assert shown.exit_code == 0
    assert "ds_old" in shown.stdout
    assert "uploads: 1, 2.0 MB" in shown.stderr
    assert "--apply" in shown.stderr
    assert not is_deleted(old)


def test_with_apply_it_goes(old: sessionmaker[Session]) -> None:
    assert "1 are removed" in run("--apply").stderr
    assert is_deleted(old)
    assert run().stdout == ""


@pytest.fixture
def output(old: sessionmaker[Session]) -> str:
    """The id of a job that ended two years ago and left an adapter."""
    with transaction(old) as session:
        year_ago = NOON.replace(year=NOON.year - 2)
        owner = session.scalars(select(User)).one()
        job = make_job(session, owner, status=JobStatus.SUCCEEDED, finished_at=year_ago)
        session.add(Artifact(job_id=job.id, path="adapter", size_bytes=5, modified_at=year_ago))
        return job.id


def unwanted(sessions: sessionmaker[Session]) -> list[tuple[str, str]]:
    with sessions() as session:
        return [(row.job_id, row.path) for row in session.scalars(select(Removal))]


def test_outputs_go_only_where_they_are_named(old: sessionmaker[Session], output: str) -> None:
    run("--apply")
    assert unwanted(old) == []
    assert output in run("--kind", "outputs").stdout
    assert unwanted(old) == []
    assert "1 are removed" in run("--kind", "outputs", "--apply").stderr
    assert unwanted(old) == [(output, "output")]


def test_the_operator_is_named_with_their_account(old: sessionmaker[Session]) -> None:
    run("--apply")
    with old() as session:
        (entry,) = entries(session, AuditFilter(), 9)
    assert (entry.actor, entry.address) == ("operator", f"shell of {pwd.getpwuid(os.getuid()).pw_name}")
