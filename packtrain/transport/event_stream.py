"""Server-sent events (WHATWG HTML, section 9.2): lines in, events out; and a stream that outlives its connections."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import httpx

from packtrain.errors import ServerUnreachable
from packtrain.transport.long_poll import ENDED, Clock

PAUSE_SECONDS = 2.0
"""Before a stream is opened again: a server that goes down ends its streams in peace."""
END = "end"
"""The type of the event behind which nothing comes."""
PROGRESS = "progress"
"""The type of what comes between a job's events, without an id."""
ENDINGS = frozenset(f"job.{status}" for status in ENDED)
"""Events behind which a job's stream has nothing to tell, though the server leaves it open."""


@dataclass(frozen=True)
class ServerEvent:
    """One event of a stream."""

    type: str
    data: str
    id: str | None


class EventParser:
    """Fed with a stream's lines (without their ends); an event that the end cut off never comes."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}
        self._data: list[str] = []
        self._last_id: str | None = None

    def feed(self, line: str) -> ServerEvent | None:
        """The event that this line ends, if it ends one."""
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._last_id = value
        else:
            self._fields[name] = value
        return None

    def _dispatch(self) -> ServerEvent | None:
        fields, data = self._fields, self._data
        self._fields, self._data = {}, []
        return ServerEvent(fields.get("event") or "message", "\n".join(data), self._last_id) if data else None


class Patience:
    """Longest absence of a stream, counted from when something was last heard of it. The first opening has none."""

    def __init__(self, seconds: float, read: Callable[[], float]) -> None:
        self._seconds, self._read = seconds, read
        self._heard_at: float | None = None

    def heard(self) -> None:
        """Note that something came."""
        self._heard_at = self._read()

    def is_over(self) -> bool:
        """Whether a break is to be told."""
        return self._heard_at is None or self._read() - self._heard_at > self._seconds


def parse_events(lines: Iterable[str]) -> Iterator[ServerEvent]:
    """The events of a stream's lines."""
    parser = EventParser()
    for line in lines:
        if event := parser.feed(line):
            yield event


def resumed_events(
    open_stream: Callable[[str | None], AbstractContextManager[httpx.Response]],
    *,
    patience_seconds: float,
    clock: Clock | None = None,
) -> Iterator[ServerEvent]:
    """The events of a stream up to `event: end`, whatever breaks on the way: nothing is lost, nothing comes twice.

    `open_stream(last_id)` opens it behind the event of that id. The first opening is not forgiven. Raises
    ServerUnreachable when nothing was heard for longer than the patience.
    """
    clock = clock or Clock()
    patience = Patience(patience_seconds, clock.read)
    last_id: str | None = None
    while True:
        try:
            with open_stream(last_id) as answer:
                patience.heard()
                for event in parse_events(answer.iter_lines()):
                    if event.type == END:
                        return
                    patience.heard()
                    last_id = event.id
                    yield event
        except ServerUnreachable:
            if patience.is_over():
                raise
        clock.sleep(PAUSE_SECONDS)
