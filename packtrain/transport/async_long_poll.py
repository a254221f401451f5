"""Following a job to its end, asynchronous: as packtrain.transport.long_poll."""

import time
from collections.abc import AsyncIterator
from typing import Protocol

import anyio

from packtrain.errors import ServerUnreachable
from packtrain.schema import Job, Progress
from packtrain.transport.long_poll import ENDED, PAUSE_SECONDS, WAIT_SECONDS, Outage, Silence, has_changed


class Source(Protocol):
    """The client that reads a job and its progress: AsyncPacktrain."""

    async def job(self, job_id: str) -> Job:
        """One job, its progress included."""
        ...

    async def progress(self, job_id: str, *, since: int | None = None, wait_seconds: int = 0) -> Progress:
        """A job's progress; with `since` the answer comes when the version has grown, or the wait is over."""
        ...


async def follow(source: Source, job_id: str, *, patience_seconds: float = 900.0) -> AsyncIterator[Job | Outage]:
    """A job at each change until it has ended, and an Outage for each time nobody answered.

    The first question is not forgiven. Raises ServerUnreachable when an outage lasts longer than the patience, and
    ApiError when the server refuses.
    """
    silence = Silence(patience_seconds, time.monotonic)
    job = await source.job(job_id)
    yield job
    while job["status"] not in ENDED:
        try:
            latest = await _next(source, job)
        except ServerUnreachable as error:
            yield silence.outage(error)
            await anyio.sleep(PAUSE_SECONDS)
            continue
        if silence.end() or latest is not job:
            yield latest
        job = latest


async def _next(source: Source, job: Job) -> Job:
    """The job once it has changed, or as it was when the wait is over."""
    now = await source.progress(job["id"], since=job["progress"]["version"], wait_seconds=WAIT_SECONDS)
    return await source.job(job["id"]) if has_changed(job["progress"], now) else job
