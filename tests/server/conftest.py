"""A feed that ticks when the test says so, and a real server on a port."""

import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from server.feed.cache import Feed
from server.http.bounds.connections import BoundedConfig, ConnectionLimits, ConnectionWatch
from server.http.stopping import StoppingServer
from tests.factories import Clock, Seconds, make_job, make_token
from tests.server.feeding import Waits
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.people.models import User
from tuning.people.tokens import Principal

LONGER_THAN_A_TEST_MAY_TAKE_SECONDS = 60


class Database:
    """Counts what is asked of it, and can be taken away."""

    def __init__(self, engine: Engine) -> None:
        self.statements = 0
        self.is_away = False
        event.listen(engine, "before_cursor_execute", self._before)

    def _before(self, *arguments: Any) -> None:
        self.statements += 1
        if self.is_away:
            raise OperationalError("SELECT", {}, Exception("away"))


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def database(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture
async def feed(sessions: sessionmaker[Session], clock: Clock, seconds: Seconds) -> AsyncIterator[Feed]:
    feed = Feed(sessions, interval_seconds=3600, now=clock, monotonic=seconds)
    async with feed.running():
        yield feed


@pytest.fixture
async def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """Readers that wait for the bell, counted."""
    return Waits(monkeypatch)


@pytest.fixture
def running_job(sessions: sessionmaker[Session], user: User) -> Job:
    with transaction(sessions) as session:
        return make_job(session, user, status=JobStatus.RUNNING, attempt=1, current_steps=1)


@pytest.fixture
def token(sessions: sessionmaker[Session], user: User) -> str:
    with transaction(sessions) as session:
        return make_token(session, user)


@pytest.fixture
async def reader(feed: Feed, token: str) -> Principal:
    """Somebody whom the feed knows."""
    return await feed.principal(token)


@pytest.fixture
def server(app: FastAPI) -> Iterator[StoppingServer]:
    """A real server on a free port."""
    limits = ConnectionLimits(head_seconds=10, idle_seconds=30, max_connections=100)
    config = BoundedConfig(app, ConnectionWatch(limits, time.monotonic), port=0, log_config=None, access_log=False)
    server = StoppingServer(config, app.state.feed)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server
    server.should_exit = True
    thread.join(LONGER_THAN_A_TEST_MAY_TAKE_SECONDS)
    assert not thread.is_alive()


@pytest.fixture
def connection(server: StoppingServer, token: str) -> Iterator[httpx.Client]:
    """A client of that server, with a token."""
    port = server.servers[0].sockets[0].getsockname()[1]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers=headers, timeout=50) as connection:
        yield connection
