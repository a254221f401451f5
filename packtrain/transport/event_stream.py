"""Server-sent events (WHATWG HTML, section 9.2): lines in, events out; and a stream that outlives its connections."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import httpx

from packtrain.errors import ServerUnreachable
from packtrain.transport.long_poll import Clock

_PAUSE_SECONDS = 2.0


@dataclass(frozen=True)
class ServerEvent:
    """One event of a stream."""

    type: str
    data: str
    id: str | None


def parse_events(lines: Iterable[str]) -> Iterator[ServerEvent]:
    """The events of a stream's lines (without their ends); one that the end cut off is dropped."""
    fields: dict[str, str] = {}
    data: list[str] = []
    last_id: str | None = None
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data.append(value)
            elif name == "id" and "\0" not in value:
                last_id = value
            else:
                fields[name] = value
            continue
        if data:
            yield ServerEvent(fields.get("event") or "message", "\n".join(data), last_id)
        fields, data = {}, []


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
    last_id: str | None = None
    heard_at: float | None = None
    while True:
        try:
            with open_stream(last_id) as answer:
                heard_at = clock.read()
                for event in parse_events(answer.iter_lines()):
                    if event.type == "end":
                        return
                    heard_at, last_id = clock.read(), event.id
                    yield event
        except ServerUnreachable:
            if heard_at is None or clock.read() - heard_at > patience_seconds:
                raise
        clock.sleep(_PAUSE_SECONDS)  # a server that goes down ends its streams in peace
