"""A served model, its rows, and the service's app that reaches it through a local tunnel."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker

from server.clusters.model_servers import AnswerLimits, ModelServers
from server.main import create_app
from tests.conftest import tell_places_of_now
from tests.factories import NOON, make_attempt, make_job
from tests.server.openai.chat.model_server import ModelServerState, serving
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.serving.servers import ModelServer
from tuning.jobs.status import JobStatus
from tuning.people.models import User
from tuning.settings import ClusterSettings, Settings
from tuning.ssh.fake import FakeTransport
from tuning.ssh.transport import Completed

MODEL = "tiny-qwen2"
TOKEN = "the attempt's token"
MakeServed = Callable[..., Job]


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    for _ in range(600):
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Nobody waits for long."""
    return settings.model_copy(
        update={"serve_wait_seconds": 0.0, "answers_per_person": 3, "feed_interval_seconds": 0.05}
    )


@pytest.fixture
def app(settings: Settings, clusters: dict[str, ClusterSettings], clock: Any) -> FastAPI:
    """The app, for which the login node is this machine."""
    app = create_app(settings, clusters, clock=clock)
    tell_places_of_now(app, clock)
    limits = AnswerLimits(per_person=settings.answers_per_person, per_model=25)
    login_node = FakeTransport(lambda _command, _stdin: Completed(b"", b"", 0))
    app.state.model_servers = ModelServers(clusters, lambda _: login_node, limits=limits)
    return app


@pytest.fixture
def model_server() -> Iterator[ModelServerState]:
    with serving() as state:
        yield state


@pytest.fixture
def make_served(sessions: sessionmaker[Session], user: User) -> MakeServed:
    """Make the rows of a served model; without a port it is still being loaded."""

    def make(port: int | None = None, status: JobStatus = JobStatus.RUNNING, **columns: Any) -> Job:
        with transaction(sessions) as session:
            job = make_job(session, user, kind="serve", status=status, attempt=1, **columns)
            make_attempt(session, job, token=f"{TOKEN} {job.id}")
            place = {"address": "127.0.0.1", "port": port, "node": "node1", "ready_at": NOON} if port else {}
            session.add(ModelServer(job_id=job.id, cluster="lab", model=MODEL, is_newest=True, **place))
            return job

    return make


@pytest.fixture
def served(make_served: MakeServed, model_server: ModelServerState) -> Job:
    """The job that serves MODEL."""
    return make_served(model_server.port)
