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
PAUSE_SECONDS = 5.0
"""Between two questions that nobody answered."""


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
    """The client that reads a job and its progress: Packtrain."""

    def job(self, job_id: str) -> Job:
        """One job, its progress included."""
        ...

    def progress(self, job_id: str, *, since: int | None = None, wait_seconds: int = 0) -> Progress:
        """A job's progress; with `since` the answer comes when the version has grown, or the wait is over."""
        ...


class Silence:
    """Time for which nobody has answered, up to the patience."""

    def __init__(self, patience_seconds: float, read: Callable[[], float]) -> None:
        self._patience_seconds, self._read = patience_seconds, read
        self._since: float | None = None

    def outage(self, error: ServerUnreachable) -> Outage:
        """One more question without an answer. Raises the error when the patience is over."""
        self._since = self._read() if self._since is None else self._since
        outage = Outage(self._read() - self._since, error)
        if outage.seconds > self._patience_seconds:
            raise error
        return outage

    def end(self) -> bool:
        """There is an answer; whether there was none before it."""
        was_silent, self._since = self._since is not None, None
        return was_silent


def follow(
    source: Source, job_id: str, *, patience_seconds: float = 900.0, clock: Clock | None = None
) -> Iterator[Job | Outage]:
    """A job at each change until it has ended, and an Outage for each time nobody answered.

    The first question is not forgiven: a wrong address should be told at once. Raises ServerUnreachable when an
    outage lasts longer than the patience, and ApiError when the server refuses.
    """
    clock = clock or Clock()
    silence = Silence(patience_seconds, clock.read)
    job = source.job(job_id)
    yield job
    while job["status"] not in ENDED:
        try:
            latest = _next(source, job)
        except ServerUnreachable as error:
            yield silence.outage(error)
            clock.sleep(PAUSE_SECONDS)
            continue
        if silence.end() or latest is not job:
            yield latest
        job = latest


def has_changed(seen: Progress, now: Progress) -> bool:
    """Whether a reader has something new to see: two things change without the version."""
    return _marks(now) != _marks(seen)


def _marks(progress: Progress) -> tuple[object, ...]:
    return progress["version"], progress["queue_position"], progress.get("unattended_since")


def _next(source: Source, job: Job) -> Job:
    """The job once it has changed, or as it was when the wait is over."""
    now = source.progress(job["id"], since=job["progress"]["version"], wait_seconds=WAIT_SECONDS)
    return source.job(job["id"]) if has_changed(job["progress"], now) else job
