"""Uploads are read by other processes than the server's, which end with their request and the server."""

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from server.http.stopping import StoppingServer
from server.main import create_app
from tests.factories import Clock
from tests.reader_processes import ends, readers
from tests.server.conftest import LONGER_THAN_A_TEST_MAY_TAKE_SECONDS
from tests.tuning.datasets.files import alpaca, as_lines
from tuning.datasets import bounded_check
from tuning.datasets.check import run
from tuning.datasets.check.read import array_rows, csv_lines, decoding, tables
from tuning.datasets.rows import preview
from tuning.jobs.models import Job
from tuning.settings import ClusterSettings, Settings

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

BEGINS = b'{"instruction":"a","output":"b","x":'
NESTED = BEGINS + b"[" + b"{}," * 5_000_000 + b"{}]}\n"
"""Keeps a decoder busy for many seconds."""
HOSTILE = {
    "brackets": (b"[" + b"[]," * 3_000_000 + b"[]]", "a row that is no JSON object"),
    "nested": (BEGINS + b"[" + b"[]," * 300_000 + b"[]]}\n", None),
    "deep": (b"[" * 9_000_000, "nested too deeply"),
    "deep objects": (b'{"a":' * 2_000_000, "nested too deeply"),
    "keys": (b"{" + b",".join(b'"k%d":1' % number for number in range(300_000)) + b"}\n", "neither the form alpaca"),
    "huge number": (BEGINS + b"9" * 9_000_000 + b"}\n", "not valid JSON"),
    "numbers": (BEGINS + b"[" + b"1e400," * 300_000 + b"1]}\n", None),
    "escapes": (BEGINS + b'"' + b"\\ud83d\\ude00" * 700_000 + b'"}\n', None),
    "one line": (b"x" * 9_000_000, "not valid JSON"),
    "csv columns": (b"text," + b"," * 2_000_000 + b"\n", "2000002 columns"),
    "csv row": (b"text,a\n" + b"," * 2_000_000 + b"\n", "2000001 cells"),
}


_PATIENCE_SECONDS = 600


@pytest.fixture
def undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's own process decodes nothing of a file: whatever it would do it with is away."""
    for module, names in (
        (run, ["validate", "read_array_rows", "read_line_rows", "read_blocks", "decode_quickly"]),
        (bounded_check, ["validate", "json_lines"]),
        (tables, ["csv_lines", "parquet_lines"]),
        (preview, ["read_array_rows", "read_line_rows", "render"]),
        (decoding, ["_decode", "_loads"]),
        (array_rows, ["_decoder"]),
        (csv_lines, ["csv"]),
    ):
        for name in names:
            monkeypatch.setattr(module, name, None)


@pytest.mark.usefixtures("undecoded")
@pytest.mark.parametrize("shape", HOSTILE)
def test_others_are_answered_while_any_file_is_checked(
    connection: httpx.Client, running_job: Job, shape: str, settings: Settings
) -> None:
    content, refusal = HOSTILE[shape]
    with ThreadPoolExecutor(1) as threads:
        uploading = threads.submit(_upload, connection, content)
        statuses = {_status(connection, running_job)}
        while not uploading.done():
            statuses.add(_status(connection, running_job))
    answer = uploading.result()
    assert statuses == {200}
    if refusal is not None:
        assert (answer.status_code, refusal in answer.json()["detail"]) == (422, True), answer.text[:1000]
        assert _kept(settings) == []
        return
    assert answer.status_code == 201, answer.text[:1000]
    shown = connection.get(
        f"/datasets/{answer.json()['id']}/preview", params={"template": "qwen"}, timeout=_PATIENCE_SECONDS
    )
    assert (shown.status_code, len(shown.json()["rows"])) == (200, 1)


def _status(connection: httpx.Client, job: Job) -> int:
    return connection.get(f"/jobs/{job.id}/progress").status_code


class TestALimit:
    @pytest.fixture
    def app(self, settings: Settings, clusters: dict[str, ClusterSettings], clock: Clock) -> FastAPI:
        tight = settings.model_copy(update={"check_memory_bytes": 200 * 1024**2})
        return create_app(tight, clusters, clock=clock)

    def test_is_told_with_what_to_do(self, connection: httpx.Client, settings: Settings) -> None:
        answer = _upload(connection, NESTED)
        [error] = answer.json()["errors"]
        assert (answer.status_code, error["loc"]) == (422, ["body", "file"])
        assert error["message"].startswith("to check 'pairs.jsonl' takes more than 209715200 bytes of memory at once")
        assert error["hint"].endswith("ask the operator to raise PACKTRAIN_CHECK_MEMORY_BYTES")
        assert _kept(settings) == []
        assert _upload(connection, as_lines([alpaca()])).status_code == 201


def test_a_stop_cuts_off_what_is_being_sent(
    server: StoppingServer, connection: httpx.Client, settings: Settings
) -> None:
    port = int(connection.base_url.port or 0)
    with socket.create_connection(("127.0.0.1", port), LONGER_THAN_A_TEST_MAY_TAKE_SECONDS) as sender:
        part = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        sender.sendall(_head(connection, 10**6) + part + as_lines([alpaca()]))
        _wait_until(lambda: _arriving(settings) == 1)
        server.should_exit = True
        answer = b"".join(iter(lambda: sender.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"the server stops; nothing was kept" in answer
    _wait_until(lambda: _kept(settings) == [])


def test_a_stop_cuts_off_a_check(server: StoppingServer, connection: httpx.Client, settings: Settings) -> None:
    with ThreadPoolExecutor(1) as threads:
        uploading = threads.submit(_upload, connection, NESTED)
        checking = _first_check()
        server.should_exit = True
        answer = uploading.result()
    assert (answer.status_code, "nothing is kept" in answer.json()["hint"]) == (503, True)
    assert ends(checking)
    assert _kept(settings) == []


def test_a_check_ends_when_its_sender_has_gone(connection: httpx.Client, settings: Settings) -> None:
    body = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + NESTED + b"\r\n--XX--\r\n"
    port = int(connection.base_url.port or 0)
    with socket.create_connection(("127.0.0.1", port), LONGER_THAN_A_TEST_MAY_TAKE_SECONDS) as sender:
        sender.sendall(_head(connection, len(body)) + body)
        checking = _first_check()
    assert ends(checking)
    _wait_until(lambda: _kept(settings) == [])
    assert connection.get("/datasets").json()["data"] == []
    assert _upload(connection, as_lines([alpaca()])).status_code == 201


def _upload(connection: httpx.Client, content: bytes) -> Any:
    return connection.post("/datasets", files={"file": ("pairs.jsonl", content)}, timeout=_PATIENCE_SECONDS)


def _head(connection: httpx.Client, length: int) -> bytes:
    lines = [
        "POST /api/v1/datasets HTTP/1.1",
        "Host: x",
        f"Authorization: {connection.headers['authorization']}",
        "Content-Type: multipart/form-data; boundary=XX",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _kept(settings: Settings) -> list[str]:
    """The files of the store, but for its lock."""
    return [path.name for path in settings.data_dir.rglob("*") if path.is_file() and path.name != ".lock"]


def _arriving(settings: Settings) -> int:
    return len(list(settings.data_dir.rglob("*.part")))


def _first_check() -> int:
    """The process of a check, as soon as there is one."""
    _wait_until(lambda: bool(readers()))
    return readers()[0]


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGER_THAN_A_TEST_MAY_TAKE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)
