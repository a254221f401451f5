"""The feed and the clusters' workers: whoever waits hears that one has gone, and that it is back."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.orm import Session, sessionmaker

from server.clusters.worker_watch import WorkerWatch
from server.feed.cache import Feed
from server.feed.wakeups import EVERYTHING
from tests.factories import NOON, Clock, Seconds, make_cluster_settings
from tests.server.feeding import Waits
from tuning.clusters.models import ClusterRow
from tuning.db.engine import transaction
from tuning.jobs.models import Job

pytestmark = pytest.mark.anyio


@pytest.fixture
async def feed(sessions: sessionmaker[Session], clock: Clock, seconds: Seconds) -> AsyncIterator[Feed]:
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab", lease_token=1, reached_at=NOON))
    workers = WorkerWatch({"lab": make_cluster_settings()}, 30.0, clock)
    feed = Feed(sessions, interval_seconds=3600, now=clock, monotonic=seconds, workers=workers)
    async with feed.running():
        yield feed


async def test_who_waits_hears_that_the_worker_has_gone(
    feed: Feed, running_job: Job, clock: Clock, waits: Waits
) -> None:
    known = running_job.version
    waiting = asyncio.create_task(feed.wait_for_change(running_job.id, lambda entry: entry.is_known_since(known), 60))
    await waits.next()
    clock.advance(31)
    await feed.tick()
    assert (await asyncio.wait_for(waiting, 5)).unattended_since == NOON


async def test_who_follows_all_jobs_hears_of_it_once(feed: Feed, running_job: Job, clock: Clock) -> None:
    await feed.entry(running_job.id)
    with feed.bells.listen(EVERYTHING) as listener:
        serial = feed.board.serial
        clock.advance(31)
        await feed.tick()
        assert await listener.wait(0)
        assert [entry.unattended_since for entry in feed.board.changed_after(serial)] == [NOON]
        await feed.tick()
        assert not await listener.wait(0)


async def test_a_worker_that_is_back_is_told(
    feed: Feed, sessions: sessionmaker[Session], running_job: Job, clock: Clock
) -> None:
    clock.advance(31)
    await feed.tick()
    assert (await feed.entry(running_job.id)).unattended_since == NOON
    with transaction(sessions) as session:
        session.merge(ClusterRow(name="lab", lease_token=2, reached_at=clock()))
    await feed.tick()
    assert (await feed.entry(running_job.id)).unattended_since is None
