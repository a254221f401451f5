"""A feed that ticks when the test says so, and what its streams said."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

Sessions = sessionmaker[Session]


@dataclass(frozen=True)
class Frame:
    """One server-sent event as a reader sees it."""

    event: str | None
    id: str | None
    data: Any


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
