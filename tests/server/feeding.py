"""A feed that ticks when the test says so, and what its streams said."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from server.feed.wakeups import Listener
from tests.factories import NOON
from tuning.jobs.queries.feed import JobState
from tuning.jobs.status import JobStatus

Sessions = sessionmaker[Session]

PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Frame:
    """One server-sent event as a reader sees it."""

    event: str | None
    id: str | None
    data: Any


def job_state(job_id: str, version: int = 1, **columns: Any) -> JobState:
    """The state of a running job of which nothing more is known."""
    unknown = dict.fromkeys(JobState.__slots__)
    known = {"id": job_id, "status": JobStatus.RUNNING, "version": version, "attempt": 1, "updated_at": NOON}
    return JobState(**{**unknown, **known, **columns})


class Waits:
    """Counts how often a reader begins to wait for the bell, and waits for that itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = 0
        self._not_awaited = asyncio.Semaphore(0)
        monkeypatch.setattr(Listener, "wait", self._counting(Listener.wait))

    async def next(self) -> None:
        """The next reader waits; from here on a bell wakes it."""
        await asyncio.wait_for(self._not_awaited.acquire(), PATIENCE_SECONDS)

    def _counting(self, wait: Callable[[Listener, float], Awaitable[bool]]) -> Callable[[Listener, float], Any]:
        async def counted(listener: Listener, timeout_seconds: float) -> bool:
            self.begun += 1
            self._not_awaited.release()
            return await wait(listener, timeout_seconds)

        return counted


class Stream:
    """Takes frames from a stream one after the other, and the stream's end."""

    def __init__(self, frames: AsyncGenerator[bytes, None]) -> None:
        self._frames = frames
        self._pending: list[Frame] = []

    async def next(self) -> Frame | None:
        """The next event; None at the end."""
        while not self._pending:
            try:
                self._pending = parse(await anext(self._frames))
            except StopAsyncIteration:
                return None
        return self._pending.pop(0)

    async def close(self) -> None:
        """Go away."""
        await self._frames.aclose()


def parse(block: bytes) -> list[Frame]:
    """The events of some bytes; comments and bare places are left out."""
    found = []
    for text in block.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in text.splitlines() if not line.startswith(":"))
        if "data" in fields:
            found.append(Frame(fields.get("event"), fields.get("id"), json.loads(fields["data"])))
    return found
