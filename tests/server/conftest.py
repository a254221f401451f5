"""A feed that ticks when the test says so."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from server.feed import Feed
from tests.factories import Clock, Seconds, make_job, make_token
from tuning.accounts.models import User
from tuning.accounts.service import Principal
from tuning.db import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus


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
