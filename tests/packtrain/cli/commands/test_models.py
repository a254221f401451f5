"""`packtrain models`, against the real server."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker
from typer.testing import CliRunner

from packtrain.async_client import AsyncPacktrain
from packtrain.cli.main import app as command_line
from tests.factories import NOON, make_job, make_team, make_token
from tests.packtrain.conftest import Run
from tests.packtrain.stub_server import serving_app
from tuning.db.engine import transaction
from tuning.jobs.models import Artifact
from tuning.jobs.status import JobStatus
from tuning.people.models import User

NAME = "ft:tiny-qwen2:lab:wmt-ja-en:x1"


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'packtrain.db')}"


@pytest.fixture
def run(app: FastAPI, sessions: sessionmaker[Session], user: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """The command line of ada, whose training has succeeded; there is a team asr."""
    with transaction(sessions) as session:
        ada = session.merge(user)
        job = make_job(
            session, ada, id="job_x1", status=JobStatus.SUCCEEDED, finished_at=NOON, result={"train_loss": 0.5}
        )
        session.add(Artifact(job_id=job.id, path="adapter_model.safetensors", size_bytes=2000, modified_at=NOON))
        monkeypatch.setenv("PACKTRAIN_TOKEN", make_token(session, ada))
        make_team(session, "asr")
    with serving_app(app) as url:
        monkeypatch.setenv("PACKTRAIN_URL", url)
        yield lambda *words: CliRunner().invoke(command_line, list(words))


def test_a_result_is_named_kept_and_removed(run: Run) -> None:
    assert run("models", "alias", "mt-prod", NAME).stderr == f"mt-prod is {NAME} on lab\n"
    assert run("models", "pin", "mt-prod").stderr == "mt-prod stays until its pin is taken off\n"
    assert run("models", "grant", NAME, "asr").stderr == f"asr may use {NAME}\n"
    heading, catalogue, result = run("models", "list").stdout.splitlines()
    assert heading.split() == ["MODEL", "CLUSTER", "FORM", "ALIASES"]
    assert catalogue.split() == ["tiny-qwen2", "lab", "catalogue"]
    assert result.split() == [NAME, "lab", "adapter,", "2.0", "kB,", "pinned", "mt-prod"]
    assert len(run("models", "list", "--kind", "result", "-q", "wmt").stdout.splitlines()) == 2
    shown = dict(line.split(":", 1) for line in run("models", "show", "mt-prod").stdout.splitlines())
    assert shown["job"].strip() == "job_x1 (wmt ja-en)"
    assert (shown["metrics"].strip(), shown["granted to"].strip()) == ("train_loss 0.5", "asr")
    assert json.loads(run("models", "show", NAME, "--json").stdout)["lineage"]["base"] == "tiny-qwen2"
    assert run("models", "delete", NAME, "--yes").exit_code == 1
    assert run("models", "unpin", NAME).exit_code == 0
    assert run("models", "unalias", "mt-prod").exit_code == 0
    assert run("models", "withdraw", NAME, "asr").exit_code == 0
    assert run("models", "delete", NAME).exit_code == 1, "nobody said yes"
    assert run("models", "delete", NAME, "--yes").stderr == f"{NAME} is being removed from the cluster\n"
    assert run("models", "list", "--kind", "result").stdout == ""


@pytest.mark.anyio
async def test_the_asynchronous_client_knows_them_too(run: Run) -> None:
    async with AsyncPacktrain.from_environment() as api:
        assert [model["name"] for model in (await api.models(kind="result", q="wmt"))["data"]] == [NAME]
        await api.pin_model(NAME)
        await api.grant_model(NAME, "asr")
        assert (await api.set_model_alias("mt-prod", NAME))["cluster"] == "lab"
        shown = await api.model("mt-prod")
        assert (shown["is_pinned"], shown["granted_to"], shown["aliases"]) == (True, ["asr"], ["mt-prod"])
        await api.unpin_model(NAME)
        await api.withdraw_model_grant(NAME, "asr")
        await api.remove_model_alias("mt-prod")
        await api.remove_model(NAME)
        assert (await api.models(kind="result"))["data"] == []
