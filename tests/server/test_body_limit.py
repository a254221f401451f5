"""Bodies that are too large."""

import asyncio
from collections.abc import Iterator

import pytest
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from server.body_limit import BodyLimit

MEGABYTE = b" " * 1024 * 1024


def test_a_body_of_50_megabytes_is_refused_by_its_announced_length(client: TestClient) -> None:
    answer = client.post("/api/v1/jobs", content=MEGABYTE * 50, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


def test_a_body_that_announces_no_length_is_counted_while_it_comes(client: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(50):
            yield MEGABYTE

    answer = client.post("/api/v1/jobs", content=chunks(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_a_length_of_a_thousand_digits_is_only_a_large_one(client: TestClient) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": "9" * 1000}
    assert client.post("/api/v1/jobs", content=b"{}", headers=headers).status_code == 413


@pytest.mark.parametrize(("path", "read"), [("/jobs", 4), ("/uploads", 100)])
def test_nothing_is_read_beyond_the_limit_but_of_uploads(path: str, read: int) -> None:
    chunks = iter(range(100))

    async def body() -> Message:
        return {"type": "http.request", "body": b"x" * 10, "more_body": next(chunks) < 99}

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive())["more_body"]:
            pass

    async def send(_message: Message) -> None:
        raise AssertionError("nothing is answered here")

    async def run() -> None:
        scope = {"type": "http", "path": path, "headers": []}
        await BodyLimit(app, max_bytes=35, exempt={"/uploads"})(scope, body, send)

    if path == "/jobs":
        with pytest.raises(HTTPException):
            asyncio.run(run())
    else:
        asyncio.run(run())
    assert next(chunks, 100) == read
