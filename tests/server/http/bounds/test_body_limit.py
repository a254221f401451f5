"""Bodies that are too large."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from server.http.bounds.body_limit import BodyBounds, BodyLimit, BodyRoom
from tests.factories import Seconds

MEGABYTE = b" " * 1024 * 1024


def bounds(
    max_bytes: int, *, idle_seconds: float = 30, whole_seconds: float = 60, slowest_bytes_per_second: float = 0
) -> BodyBounds:
    return BodyBounds(max_bytes, idle_seconds, whole_seconds, slowest_bytes_per_second)


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
        limit = BodyLimit(app, bounds=bounds(35), others={re.compile("/uploads"): bounds(10_000)})
        await limit(scope, body, send)

    if path == "/jobs":
        with pytest.raises(HTTPException):
            asyncio.run(run())
    else:
        asyncio.run(run())
    assert next(chunks, 100) == read


MANY_VALUES = {
    "lists": b"[" + b"[]," * 300_000 + b"1]",
    "objects": b"[" + b'{"a":1},' * 100_000 + b"1]",
    "keys": b"{" + b",".join(b'"%d":1' % number for number in range(60_000)) + b"}",
    "brackets": b"[" * 900_000,
    "numbers": b"[" + b"1e9," * 200_000 + b"1]",
}


@pytest.mark.parametrize("name", MANY_VALUES)
def test_many_values_are_refused_before_they_are_parsed(client: TestClient, name: str) -> None:
    answer = client.post("/api/v1/jobs", content=MANY_VALUES[name], headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert "values" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"a":' + b"9" * 900_000 + b"}", "error parsing"),
        (b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}", ""),
        (b'{"' + b"k" * 900_000 + b'": 1}', "there is no field kkk"),
    ],
    ids=["digits", "deep", "a long key"],
)
def test_a_large_body_of_few_values_is_refused_in_few_words(client: TestClient, body: bytes, says: str) -> None:
    answer = client.post("/api/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert says in answer.json()["detail"]
    assert len(answer.content) < 2000


def test_a_thousand_wrong_fields_are_not_explained_one_by_one(client: TestClient) -> None:
    errors = client.post("/api/v1/jobs", json={f"field{number}": 1 for number in range(3_000)}).json()["errors"]
    assert len(errors) == 51
    assert "more" in errors[-1]["message"]


class Sender:
    """A body that comes in small pieces, each after so many seconds."""

    def __init__(self, seconds: Seconds, pieces: int, *, each_seconds: float) -> None:
        self.seconds, self.left, self.each_seconds = seconds, pieces, each_seconds

    async def receive(self) -> Message:
        self.seconds.now += self.each_seconds
        self.left -= 1
        return {"type": "http.request", "body": b"x" * 10, "more_body": self.left > 0}


def taken(limits: BodyBounds, sender: Sender) -> None:
    """Read a body to its end."""

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive())["more_body"]:
            pass

    async def send(_message: Message) -> None:
        raise AssertionError("nothing is answered here")

    limit = BodyLimit(app, bounds=limits, others={}, monotonic=sender.seconds)
    asyncio.run(limit({"type": "http", "path": "/jobs", "headers": []}, sender.receive, send))


def test_a_body_may_take_so_long_and_not_longer() -> None:
    taken(bounds(10_000), Sender(Seconds(), 5, each_seconds=10))
    with pytest.raises(HTTPException) as refused:
        taken(bounds(10_000), Sender(Seconds(), 10, each_seconds=10))
    assert (refused.value.status_code, refused.value.headers) == (408, {"Connection": "close"})


def test_an_upload_may_take_long_if_it_is_not_too_slow() -> None:
    limits = bounds(10_000, whole_seconds=10_000, slowest_bytes_per_second=1)
    taken(limits, Sender(Seconds(), 500, each_seconds=9))
    with pytest.raises(HTTPException, match="slower than 1 bytes"):
        taken(limits, Sender(Seconds(), 500, each_seconds=11))


def test_large_bodies_are_held_as_far_as_there_is_room() -> None:
    room = BodyRoom(100, free_bytes=10)
    limits = replace(bounds(1000), room=room)
    for _ in range(3):  # what was held is given back
        taken(limits, Sender(Seconds(), 11, each_seconds=0))
    room.take(0, 20)
    with pytest.raises(HTTPException) as refused:
        taken(limits, Sender(Seconds(), 11, each_seconds=0))
    assert (refused.value.status_code, (refused.value.headers or {})["Retry-After"]) == (503, "5")
    room.take(0, 100)  # all that is left
    taken(limits, Sender(Seconds(), 1, each_seconds=0))  # a small one needs none
    room.give_back(100)
    room.give_back(20)
    taken(limits, Sender(Seconds(), 11, each_seconds=0))


def test_a_body_of_which_nothing_comes_is_not_waited_for() -> None:
    class Silent(Sender):
        async def receive(self) -> Message:
            await asyncio.Event().wait()
            raise AssertionError

    with pytest.raises(HTTPException, match="nothing of the body") as refused:
        taken(bounds(10_000, idle_seconds=0.01), Silent(Seconds(), 1, each_seconds=0))
    assert refused.value.status_code == 408


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer pt_wrong", "Basic eDp5"])
@pytest.mark.parametrize("content", [b"[" * 10_000, MEGABYTE * 50])
def test_a_body_is_not_looked_at_for_a_token_that_nobody_has(
    anonymous: TestClient, authorization: str, content: bytes
) -> None:
    headers = {"Content-Type": "application/json", "Authorization": authorization}
    for method, path in (("POST", "/jobs"), ("PATCH", "/jobs/job_x"), ("PUT", "/secrets/X"), ("POST", "/datasets")):
        answer = anonymous.request(method, f"/api/v1{path}", content=content, headers=headers)
        assert (answer.status_code, answer.headers["connection"]) == (401, "close")
