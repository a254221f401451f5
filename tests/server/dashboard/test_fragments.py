"""Rendered content that many pages share."""

import threading
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request

from server.dashboard.fragments import Fragment, SharedFragments
from tests.factories import Seconds


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw, "query_string": b""})


def test_content_is_made_once_in_four_seconds(seconds: Seconds) -> None:
    fragments, made = SharedFragments(seconds), list[int]()

    def make() -> str:
        made.append(1)
        return f"{len(made)}"

    assert fragments.get("all", make).html == b"1"
    assert fragments.get("all", make).html == b"1"
    seconds.now += 4.0
    assert fragments.get("all", make).html == b"2"


def test_another_reader_has_another_content(seconds: Seconds) -> None:
    fragments = SharedFragments(seconds)
    assert fragments.get("ada", lambda: "hers").html == b"hers"
    assert fragments.get("bob", lambda: "his").html == b"his"


def test_of_many_who_ask_at_once_one_makes_it(seconds: Seconds) -> None:
    fragments, begun, made = SharedFragments(seconds), threading.Event(), list[int]()

    def make() -> str:
        made.append(1)
        begun.wait(10)
        return "content"

    with ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(fragments.get, "all", make) for _ in range(5)]
        begun.set()
        assert {future.result().html for future in asked} == {b"content"}
    assert made == [1]


def test_the_oldest_content_is_forgotten(seconds: Seconds) -> None:
    fragments = SharedFragments(seconds, holds_seconds=1e9)
    for number in range(300):
        fragments.get(number, lambda: "x")
    assert fragments.get(0, lambda: "again").html == b"again"
    assert fragments.get(299, lambda: "again").html == b"x"


def test_a_page_that_has_the_content_is_sent_nothing() -> None:
    fragment = Fragment.of("<p>content</p>")
    answer = fragment.answer(request(if_none_match=fragment.etag))
    assert (answer.status_code, answer.body) == (304, b"")


def test_content_is_compressed_for_those_who_take_it() -> None:
    fragment = Fragment.of("<p>content</p>" * 100)
    assert fragment.answer(request(accept_encoding="gzip")).body == fragment.compressed
    assert fragment.answer(request()).body == fragment.html
