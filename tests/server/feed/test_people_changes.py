"""Changes of people in the feed's memory: switched off, with another role, in other teams, seeing only some jobs."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.feed.cache import Feed
from server.feed.logs import LogPlace, log_frames
from server.feed.streams import all_job_frames, job_frames
from tests.factories import NOON, Clock, Seconds, make_job, make_team, make_token, make_user
from tests.server.feeding import Stream
from tuning.db.engine import transaction
from tuning.errors import NotAuthenticated, NotFound
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event
from tuning.people.models import LAB_TEAM_ID, Membership, User
from tuning.people.roles import Role, Visibility
from tuning.people.scopes import Scope
from tuning.people.tokens import Principal

Sessions = sessionmaker[Session]

pytestmark = pytest.mark.anyio


@pytest.fixture
async def narrow(sessions: Sessions, clock: Clock, seconds: Seconds) -> AsyncIterator[Feed]:
    """A feed whose readers see the jobs of their teams."""
    feed = Feed(sessions, interval_seconds=3600, now=clock, monotonic=seconds, visible=Visibility.TEAM)
    async with feed.running():
        yield feed


@pytest.fixture
def stranger_token(sessions: Sessions) -> str:
    """Of bob, who is in the team rl alone."""
    with transaction(sessions) as session:
        bob = make_user(session, name="bob")
        make_team(session, "rl", bob)
        session.delete(session.get_one(Membership, (LAB_TEAM_ID, bob.id)))
        return make_token(session, bob)


def switch_off(sessions: Sessions, user: User) -> None:
    with transaction(sessions) as session:
        session.execute(update(User).where(User.id == user.id).values(disabled_at=NOON, version=User.version + 1))


async def test_streams_of_who_is_switched_off_end_with_the_next_tick(
    feed: Feed, reader: Principal, sessions: Sessions, running_job: Job, user: User
) -> None:
    await feed.entry(running_job.id)
    streams = [
        Stream(job_frames(feed, reader, running_job.id, feed.events.newest)),
        Stream(all_job_frames(feed, reader, feed.events.newest)),
        Stream(log_frames(feed, reader, running_job.id, "stdout", LogPlace(1, 0), only_this_attempt=False)),
    ]
    await streams[0].next()
    waiting = [asyncio.create_task(stream.next()) for stream in streams]
    await asyncio.sleep(0)
    switch_off(sessions, user)
    await feed.tick()
    assert await asyncio.wait_for(asyncio.gather(*waiting), 5) == [None] * 3
    with pytest.raises(NotAuthenticated):
        feed.check(reader)


def test_a_waiting_poll_of_who_is_switched_off_ends_at_once(
    client: TestClient, app: FastAPI, sessions: Sessions, user: User
) -> None:
    with transaction(sessions) as session:
        job = make_job(session, user, status=JobStatus.RUNNING, attempt=1)
    path = f"/api/v1/jobs/{job.id}/progress"
    version = client.get(path).json()["version"]
    switch_off(sessions, user)
    answer = client.get(path, params={"wait": 60, "since": version})  # the app ticks by itself
    assert answer.status_code == 401


async def test_another_role_is_known_after_one_tick(
    feed: Feed, reader: Principal, token: str, sessions: Sessions, user: User
) -> None:
    assert (reader.role, reader.scope) == (Role.MEMBER, Scope.SUBMIT)
    with transaction(sessions) as session:
        session.execute(update(User).where(User.id == user.id).values(role=Role.VIEWER, version=User.version + 1))
    assert (await feed.principal(token)).role is Role.MEMBER
    await feed.tick()
    found = await feed.principal(token)
    assert (found.role, found.scope) == (Role.VIEWER, Scope.READ)
    assert feed.tokens.latest(reader) is found


async def test_a_job_of_others_is_not_there(narrow: Feed, stranger_token: str, token: str, running_job: Job) -> None:
    ada, bob = await narrow.principal(token), await narrow.principal(stranger_token)
    assert (await narrow.seen_entry(ada, running_job.id)).state.id == running_job.id
    with pytest.raises(NotFound, match=running_job.id):
        await narrow.seen_entry(bob, running_job.id)


async def test_a_stream_of_all_jobs_holds_those_that_are_seen(
    narrow: Feed, stranger_token: str, sessions: Sessions, running_job: Job
) -> None:
    bob = await narrow.principal(stranger_token)
    with transaction(sessions) as session:
        own = make_job(
            session, session.get_one(User, bob.user_id), status=JobStatus.RUNNING, attempt=1, current_steps=1
        )
    stream = Stream(all_job_frames(narrow, bob, narrow.events.newest))
    waiting = asyncio.create_task(stream.next())
    await asyncio.sleep(0)
    with transaction(sessions) as session:
        for job, message in ((running_job, "theirs"), (own, "own")):
            record_event(session, job.id, "warning", message, NOON)
            session.flush()
        step = update(Job).values(current_steps=7, version=Job.version + 1, updated_at=NOON)
        session.execute(step.where(Job.id.in_([running_job.id, own.id])))
    await narrow.tick()
    frames = [await asyncio.wait_for(waiting, 5), await asyncio.wait_for(stream.next(), 5)]
    assert [frame and frame.data["job_id"] for frame in frames] == [own.id, own.id]
    await stream.close()


async def test_whoever_leaves_the_team_sees_the_job_no_more(
    narrow: Feed, stranger_token: str, sessions: Sessions, running_job: Job
) -> None:
    bob = await narrow.principal(stranger_token)
    with transaction(sessions) as session:
        session.add(Membership(team_id=running_job.team_id, user_id=bob.user_id, created_at=NOON))
        session.execute(update(User).where(User.id == bob.user_id).values(version=User.version + 1))
    await narrow.tick()
    stream = Stream(job_frames(narrow, bob, running_job.id, narrow.events.newest))
    first = await stream.next()
    assert first is not None
    assert first.event == "progress"
    waiting = asyncio.create_task(stream.next())
    await asyncio.sleep(0)
    with transaction(sessions) as session:
        session.delete(session.get_one(Membership, (running_job.team_id, bob.user_id)))
        session.execute(update(User).where(User.id == bob.user_id).values(version=User.version + 1))
    await narrow.tick()
    assert await asyncio.wait_for(waiting, 5) is None
