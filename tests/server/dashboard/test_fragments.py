"""Rendered content that many pages share."""

import asyncio
import threading

import pytest
from starlette.requests import Request

from server.dashboard.fragments import Fragment, SharedFragments
from tests.factories import Seconds
from tuning.errors import NotFound

pytestmark = pytest.mark.anyio


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw, "query_string": b""})


class Content:
    """Content that tells how often it was made; it waits for `allowed` where that is cleared."""

    def __init__(self) -> None:
        self.made = 0
        self.begun = threading.Event()
        self.allowed = threading.Event()
        self.allowed.set()

    def __call__(self) -> str:
        self.made += 1
        self.begun.set()
        self.allowed.wait(10)
        return f"{self.made}"


async def test_content_is_made_once_in_four_seconds(seconds: Seconds) -> None:
    fragments, content = SharedFragments(seconds), Content()
    assert (await fragments.get("all", 1, content)).html == b"1"
    assert (await fragments.get("all", 1, content)).html == b"1"
    seconds.now += 4.0
    assert (await fragments.get("all", 1, content)).html == b"2"


async def test_content_is_made_anew_where_something_has_changed(seconds: Seconds) -> None:
    fragments, content = SharedFragments(seconds), Content()
    assert (await fragments.get("all", 1, content)).html == b"1"
    assert (await fragments.get("all", 2, content)).html == b"2"
    assert (await fragments.get("all", 2, content)).html == b"2"


async def test_another_reader_has_another_content(seconds: Seconds) -> None:
    fragments = SharedFragments(seconds)
    assert (await fragments.get("ada", 1, lambda: "hers")).html == b"hers"
    assert (await fragments.get("bob", 1, lambda: "his")).html == b"his"


async def test_those_who_ask_before_it_is_begun_share_it(seconds: Seconds) -> None:
    fragments, content = SharedFragments(seconds), Content()
    asked = await asyncio.gather(*(fragments.get("all", number, content) for number in range(5)))
    assert {fragment.html for fragment in asked} == {b"1"}
    assert (await fragments.get("all", 4, content)).html == b"1"


async def test_what_was_begun_before_a_change_is_not_given_to_those_who_know_of_it(seconds: Seconds) -> None:
    fragments, content = SharedFragments(seconds), Content()
    content.allowed.clear()
    before = asyncio.create_task(fragments.get("all", 1, content))
    assert await asyncio.to_thread(content.begun.wait, 10)
    after = asyncio.create_task(fragments.get("all", 2, content))
    await asyncio.sleep(0)
    content.allowed.set()
    assert (await after).html == b"2"
    await before


async def test_a_failure_is_told_to_those_who_wait_and_to_nobody_else(seconds: Seconds) -> None:
    fragments = SharedFragments(seconds)

    def fail() -> str:
        raise NotFound("there is no such job")

    asked = await asyncio.gather(*(fragments.get("all", 1, fail) for _ in range(2)), return_exceptions=True)
    assert [type(answer) for answer in asked] == [NotFound, NotFound]
    assert (await fragments.get("all", 1, lambda: "content")).html == b"content"


async def test_one_who_leaves_takes_nothing_from_those_who_wait(seconds: Seconds) -> None:
    fragments, content = SharedFragments(seconds), Content()
    first = asyncio.create_task(fragments.get("all", 1, content))
    await asyncio.sleep(0)
    second = asyncio.create_task(fragments.get("all", 1, content))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).html == b"1"


@pytest.mark.parametrize(
    ("spent_seconds", "rests", "pause_seconds"), [(0.01, True, 0.08), (0.2, True, 0.4), (0.01, False, 0.0)]
)
async def test_after_a_rendering_the_next_one_rests_but_not_for_an_act(
    seconds: Seconds, monkeypatch: pytest.MonkeyPatch, spent_seconds: float, rests: bool, pause_seconds: float
) -> None:
    spent, pauses = iter([0.0, spent_seconds, 0.0, 0.0]), list[float]()

    async def sleep(wanted: float) -> None:
        pauses.append(wanted)

    monkeypatch.setattr("server.dashboard.fragments.time.thread_time", lambda: next(spent))
    fragments = SharedFragments(seconds, sleep=sleep)
    await fragments.get("all", 1, lambda: "x")
    await fragments.get("another", 1, lambda: "x", rests=rests)
    assert pauses == [0.0, pytest.approx(pause_seconds)]


async def test_the_oldest_content_is_forgotten(seconds: Seconds) -> None:
    fragments = SharedFragments(seconds, holds_seconds=1e9)
    for number in range(300):
        await fragments.get(number, 1, lambda: "x")
    assert (await fragments.get(0, 1, lambda: "again")).html == b"again"
    assert (await fragments.get(299, 1, lambda: "again")).html == b"x"


def test_a_page_that_has_the_content_is_sent_nothing() -> None:
    fragment = Fragment.of("<p>content</p>")
    answer = fragment.answer(request(if_none_match=fragment.etag))
    assert (answer.status_code, answer.body) == (304, b"")


def test_content_is_compressed_for_those_who_take_it() -> None:
    fragment = Fragment.of("<p>content</p>" * 100)
    assert fragment.answer(request(accept_encoding="gzip")).body == fragment.compressed
    assert fragment.answer(request()).body == fragment.html
