"""What is compressed, for whom, and what goes as it is."""

import gzip
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from server.http.compression import SHORTEST_BYTES, Compression, accepts_gzip

pytestmark = pytest.mark.anyio

LONG = b'{"a": 1}' * SHORTEST_BYTES


async def answered(
    pieces: list[bytes], content_type: str = "application/json", accept: str = "gzip", **headers: str
) -> tuple[dict[str, str], bytes]:
    """Headers and body of an answer in these pieces."""
    sent: list[Message] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        named = {"content-type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
        raw = [(name.encode(), value.encode()) for name, value in named.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        for number, piece in enumerate(pieces, 1):
            await send({"type": "http.response.body", "body": piece, "more_body": number < len(pieces)})

    async def keep(message: Message) -> None:
        sent.append(message)

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    scope: dict[str, Any] = {"type": "http", "headers": [(b"accept-encoding", accept.encode())]}
    await Compression(app)(scope, nothing, keep)
    assert [message["type"] for message in sent] == ["http.response.start", *["http.response.body"] * len(pieces)]
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return found, b"".join(message["body"] for message in sent[1:])


@pytest.mark.parametrize("times", [1, 100])
async def test_a_long_whole_text_is_compressed(times: int) -> None:
    headers, body = await answered([LONG * times], content_length=str(len(LONG * times)), vary="Origin")
    assert (headers["content-encoding"], headers["vary"]) == ("gzip", "Origin, Accept-Encoding")
    assert int(headers["content-length"]) == len(body) < len(LONG)
    assert gzip.decompress(body) == LONG * times


@pytest.mark.parametrize(
    ("content_type", "headers"),
    [
        ("application/octet-stream", {}),
        ("text/event-stream", {}),
        ("text/event-stream; charset=utf-8", {}),
        ("application/x-tar", {}),
        ("application/json", {"content_range": "bytes 0-1/2"}),
        ("text/plain", {"accept_ranges": "bytes"}),
        ("application/json", {"content_encoding": "br"}),
        ("application/json", {"etag": '"exact"'}),
    ],
)
async def test_bytes_streams_and_ranges_go_as_they_are(content_type: str, headers: dict[str, str]) -> None:
    found, body = await answered([LONG], content_type, **headers)
    assert body == LONG
    assert found.get("content-encoding") == headers.get("content_encoding")


async def test_what_comes_in_pieces_goes_at_once() -> None:
    headers, body = await answered([LONG, b"", LONG], "text/plain")
    assert ("content-encoding" in headers, body) == (False, LONG + LONG)


async def test_what_is_short_goes_as_it_is() -> None:
    headers, body = await answered([b"x" * (SHORTEST_BYTES - 1)])
    assert ("content-encoding" in headers, len(body)) == (False, SHORTEST_BYTES - 1)


@pytest.mark.parametrize("content_type", ["application/problem+json", "text/csv; charset=utf-8", "application/yaml"])
async def test_each_kind_of_text_is_compressed(content_type: str) -> None:
    assert (await answered([LONG], content_type, etag='W/"1-0"'))[0]["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (["gzip"], True),
        (["deflate, GZIP;q=0.5"], True),
        (["br", "x-gzip"], True),
        (["*"], True),
        (["*;q=0.1"], True),
        (["gzip;q=0"], False),
        (["gzip;q=0.000, *"], False),
        (["identity"], False),
        ([], False),
        (["gzipped"], False),
    ],
)
async def test_the_reader_says_what_it_takes(accept: list[str], expected: bool) -> None:
    assert accepts_gzip(accept) is expected


@given(st.lists(st.text(max_size=50), max_size=5))
async def test_any_header_is_understood_somehow(accept: list[str]) -> None:
    assert accepts_gzip(accept) in (True, False)
