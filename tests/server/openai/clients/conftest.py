"""A served model and a job that ended, for clients that are programs of their own."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_job
from tests.server.openai.chat.conftest import app, make_served, model_server, served, settings
from tests.server.openai.clients import environments
from tuning.db.engine import transaction
from tuning.jobs.models import Artifact, Job, MetricPoint
from tuning.jobs.output.checkpoints import tell_saved
from tuning.jobs.status import JobStatus
from tuning.people.models import LAB_TEAM_ID, User

__all__ = ["app", "make_served", "model_server", "served", "settings"]
Run = Callable[..., str]
MOST_SECONDS = 300
QUIET = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "WANDB_ERROR_REPORTING": "false"}
"""So that no client asks its maker's servers."""


@pytest.fixture
def run(base_url: str, token: str, tmp_path: Path) -> Run:
    """Output of the Python of a client's environment."""

    def run(client: str, *arguments: str) -> str:
        command = [str(environments.build(client) / "bin/python"), *arguments]
        own = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": token, "HOME": str(tmp_path)}
        env = {**os.environ, **QUIET, **own}
        done = subprocess.run(command, check=False, env=env, capture_output=True, text=True, timeout=MOST_SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def ended(sessions: sessionmaker[Session], user: User) -> str:
    """Id (OpenAI's) of a job that trained and left checkpoints, metrics and a model."""
    with transaction(sessions) as session:
        columns: dict[str, Any] = {"attempt": 1, "current_steps": 20, "result": {"tokens": 1234.0}, "finished_at": NOON}
        job = make_job(session, user, team_id=LAB_TEAM_ID, status=JobStatus.SUCCEEDED, **columns)
        for step in (10, 20):
            values = {"train": {"loss": 1 / step, "accuracy": 0.5}, "eval": {"eval_loss": 2 / step}}
            for kind, of_kind in values.items():
                session.add(MetricPoint(job_id=job.id, attempt=1, step=step, kind=kind, at=NOON, values=of_kind))
            path = f"checkpoint-{step}/adapter_model.safetensors"
            session.add(Artifact(job_id=job.id, path=path, size_bytes=1, modified_at=NOON))
        tell_saved(session, job.id, [10, 20], NOON)
        return "ftjob-" + job.id.removeprefix("job_")


@pytest.fixture
def cluster(sessions: sessionmaker[Session]) -> Iterator[None]:
    """A cluster on which every training succeeds at once."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.2):
            with transaction(sessions) as session:
                for job in session.scalars(select(Job).where(Job.status == JobStatus.QUEUED, Job.kind == "train")):
                    job.status, job.finished_at, job.version = JobStatus.SUCCEEDED, NOON, job.version + 1

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()
