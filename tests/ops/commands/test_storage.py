"""packtrain storage, on a database with an old upload."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker
from typer.testing import CliRunner, Result

from packtrain.cli.main import app
from tests.factories import NOON, make_dataset, make_user
from tuning.datasets.models import Dataset
from tuning.db.engine import open_engine, open_sessions, transaction
from tuning.migrate import upgrade


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


def test_outputs_are_refused(old: sessionmaker[Session]) -> None:
    refused = run("--kind", "outputs", "--apply")
    assert (refused.exit_code, "outputs hold results" in refused.stderr) == (1, True)
