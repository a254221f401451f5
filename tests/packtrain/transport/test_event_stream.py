from contextlib import AbstractContextManager, nullcontext

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packtrain.errors import ServerUnreachable
from packtrain.transport.event_stream import ServerEvent, parse_events, resumed_events
from packtrain.transport.long_poll import Clock


def test_fields_comments_and_several_data_lines() -> None:
    lines = [": still here", "", "id: 7", "event: job.running", "data: one", "data:two", "", "data: three", ""]
    assert list(parse_events(lines)) == [
        ServerEvent("job.running", "one\ntwo", "7"),
        ServerEvent("message", "three", "7"),
    ]


def test_an_event_that_the_end_cut_off_is_dropped() -> None:
    assert list(parse_events(["data: whole", "", "data: half"])) == [ServerEvent("message", "whole", None)]


def test_an_id_alone_moves_the_place_without_an_event() -> None:
    assert list(parse_events(["id: 3", "", "data: x", ""])) == [ServerEvent("message", "x", "3")]


one_line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1)


@given(st.lists(one_line))
def test_what_is_framed_is_read_back(texts: list[str]) -> None:
    lines = [line for text in texts for line in (f"data: {text}", "")]
    assert [event.data for event in parse_events(lines)] == texts


def test_patience_with_a_stream_ends() -> None:
    seconds = [0.0]
    clock = Clock(read=lambda: seconds[0], sleep=lambda pause: seconds.__setitem__(0, seconds[0] + pause))
    opened: list[str | None] = []

    def open_stream(last_id: str | None) -> AbstractContextManager[httpx.Response]:
        opened.append(last_id)
        if len(opened) > 1:
            raise ServerUnreachable("nobody")
        return nullcontext(httpx.Response(200, text="id: 9\ndata: x\n\n"))

    events = resumed_events(open_stream, patience_seconds=60.0, clock=clock)
    assert next(events).data == "x"
    with pytest.raises(ServerUnreachable):
        next(events)
    assert 60.0 < seconds[0] < 65.0
    assert set(opened[1:]) == {"9"}


def test_a_stream_that_cannot_be_opened_at_first_is_told_at_once() -> None:
    def open_stream(_last_id: str | None) -> AbstractContextManager[httpx.Response]:
        raise ServerUnreachable("nobody")

    with pytest.raises(ServerUnreachable):
        next(resumed_events(open_stream, patience_seconds=60.0))
