"""`packtrain limits` and `packtrain usage`, against the real server."""

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker
from typer.testing import CliRunner

from packtrain.cli.main import app as command_line
from tests.factories import NOON, make_attempt, make_job, make_token, make_user
from tests.packtrain.conftest import Run
from tests.packtrain.stub_server import serving_app
from tuning.db.engine import transaction
from tuning.jobs.status import JobStatus


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'packtrain.db')}"


@pytest.fixture
def run(app: FastAPI, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """An administrator's command line, whose job of two GPUs runs since an hour."""
    with transaction(sessions) as session:
        root = make_user(session, name="root", is_administrator=True)
        ends = NOON + timedelta(hours=1)
        job = make_job(session, root, status=JobStatus.RUNNING, gpus=2, attempt=1, expected_end_at=ends)
        make_attempt(session, job, started_at=NOON - timedelta(hours=1))
        monkeypatch.setenv("PACKTRAIN_TOKEN", make_token(session, root))
    with serving_app(app) as url:
        monkeypatch.setenv("PACKTRAIN_URL", url)
        yield lambda *words: CliRunner().invoke(command_line, list(words))


def test_limits_are_set_listed_and_removed(run: Run) -> None:
    assert run("limits", "list").stderr == "no limits\n"
    made = run("limits", "set", "gpus", "8", "--team", "lab", "--cluster", "lab", "--class", "normal")
    assert made.stderr == "the team lab may have 8 GPUs at once on the cluster lab of class normal: 2 in use now\n"
    assert run("limits", "set", "running_jobs", "3", "--user", "*").exit_code == 0
    heading, team, each = run("limits", "list").stdout.splitlines()
    assert heading.split() == ["LIMIT", "IN", "USE", "NEXT", "END", "ID"]
    assert "8 GPUs at once" in team
    assert each.split()[:11] == ["the", "user", "root", "may", "run", "3", "jobs", "at", "once", "1", "(root)"]
    limit = json.loads(run("limits", "list", "--json").stdout)["data"][0]
    assert limit["in_use"] == 2
    assert run("limits", "remove", limit["id"]).exit_code == 0
    assert run("limits", "remove", limit["id"]).exit_code == 1


def test_a_limit_has_one_subject(run: Run) -> None:
    result = run("limits", "set", "gpus", "8", "--team", "lab", "--user", "root")
    assert (result.exit_code, "a user or of a team, not of both" in result.stderr) == (1, True)
    assert run("limits", "set", "gpus", "8", "--user", "").exit_code == 1
    assert run("limits", "set", "gpus", "8").stderr.startswith("everybody together may have 8 GPUs at once")


def test_a_member_is_named_with_the_team(run: Run) -> None:
    result = run("limits", "set", "gpus", "2", "--team", "lab", "--member", "root")
    assert result.stderr.startswith("root of the team lab may have 2 GPUs at once")
    result = run("limits", "set", "gpus", "2", "--member", "root")
    assert (result.exit_code, "a member of which team?" in result.stderr) == (1, True)


def test_use_is_shown_as_table_csv_and_json(run: Run) -> None:
    assert run("usage", "--by", "team").stdout.splitlines()[1].split() == ["lab", "2.0", "0", "1"]
    assert run("usage", "--csv").stdout.splitlines()[1] == "root,7200.0,2.0,0,1"
    assert json.loads(run("usage", "--json", "--from", "2026-11-01").stdout)["from"] == "2026-11-01"
    assert run("usage", "--from", "2020-01-01", "--to", "2020-01-31").stderr == "no use\n"
    assert run("usage", "--from", "2026-11-30", "--to", "2026-11-01").exit_code == 1
