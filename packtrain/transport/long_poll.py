"""Following a job to its end: long polls, and patience while the server is away."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from packtrain.errors import ServerUnreachable
from packtrain.schema import Job, Progress

ENDED = frozenset({"succeeded", "failed", "cancelled"})
"""Statuses that nothing follows."""
WAIT_SECONDS = 25
_PAUSE_SECONDS = 5.0


@dataclass(frozen=True)
class Outage:
    """The server does not answer, for so long now."""

    seconds: float
    error: ServerUnreachable


@dataclass(frozen=True)
class Clock:
    """Time as it is injected: a monotonic reading in seconds, and a wait."""

    read: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Source(Protocol):
    """Who is asked: Packtrain."""

    def job(self, job_id: str) -> Job:
        """One job, its progress included."""
        ...

    def progress(self, job_id: str, *, since: int | None = None, wait_seconds: int = 0) -> Progress:
        """A job's progress; with `since` the answer comes when the version has grown, or the wait is over."""
        ...


def follow(
    source: Source, job_id: str, *, patience_seconds: float = 900.0, clock: Clock | None = None
) -> Iterator[Job | Outage]:
    """A job at each change until it has ended, and an Outage for each time nobody answered.

    The first question is not forgiven: a wrong address should be told at once. Raises ServerUnreachable when an
    outage lasts longer than the patience, and ApiError when the server refuses.
    """
    clock = clock or Clock()
    job = source.job(job_id)
    yield job
    silent_since: float | None = None
    while job["status"] not in ENDED:
        try:
            latest = _next(source, job)
        except ServerUnreachable as error:
            silent_since = clock.read() if silent_since is None else silent_since
            outage = Outage(clock.read() - silent_since, error)
            if outage.seconds > patience_seconds:
                raise
            yield outage
            clock.sleep(_PAUSE_SECONDS)
            continue
        if silent_since is not None or latest is not job:
            yield latest
        silent_since, job = None, latest


def _next(source: Source, job: Job) -> Job:
    """The job once it has changed, or as it was when the wait is over."""
    seen = job["progress"]
    now = source.progress(job["id"], since=seen["version"], wait_seconds=WAIT_SECONDS)
    # a place in the queue changes without the version
    is_same = (now["version"], now["queue_position"]) == (seen["version"], seen["queue_position"])
    return job if is_same else source.job(job["id"])
