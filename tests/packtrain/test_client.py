import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from packtrain.client import Packtrain
from packtrain.errors import ApiError
from packtrain.transport.event_stream import ServerEvent
from packtrain.transport.log_text import LogText
from packtrain.transport.long_poll import Clock
from tests.packtrain.stub_server import JOB_ID, TOKEN, Stub, job_json


@pytest.fixture
def api(stub: Stub) -> Iterator[Packtrain]:
    with Packtrain(stub.url, TOKEN) as open_api:
        yield open_api


def test_a_submission_carries_a_key_of_its_own(api: Packtrain, stub: Stub) -> None:
    for _ in range(2):
        api.submit(name="a", config={"model_name_or_path": "tiny-llama"})
    assert stub.bodies[0] == {"name": "a", "config": {"model_name_or_path": "tiny-llama"}}
    first, second = (headers["idempotency-key"] for headers in stub.headers)
    assert first != second


def test_a_submission_survives_a_restart_under_the_same_key(api: Packtrain, stub: Stub) -> None:
    stub.refusals = [(503, {"title": "Service Unavailable"})]
    assert api.submit(name="a")["id"] == JOB_ID
    assert len({headers["idempotency-key"] for headers in stub.headers}) == 1
    assert len(stub.headers) == 2


def test_a_wrong_token_is_an_api_error_that_does_not_show_it(stub: Stub) -> None:
    with Packtrain(stub.url, "pt_wrong") as api, pytest.raises(ApiError, match="expired or revoked") as caught:
        api.job(JOB_ID)
    assert "pt_wrong" not in str(caught.value)


def test_an_id_is_one_part_of_the_path(api: Packtrain, stub: Stub) -> None:
    with pytest.raises(ApiError):
        api.job("../tokens?x")
    assert stub.requests == [("GET", "/api/v1/jobs/..%2Ftokens%3Fx")]


def test_a_wait_ends_with_the_ended_job_and_has_told_every_change(api: Packtrain, stub: Stub) -> None:
    stub.versions = [
        job_json(progress={"version": number, "status": status})
        for number, status in enumerate(("queued", "pending", "running", "succeeded"))
    ]
    seen: list[str] = []
    assert api.wait(JOB_ID, lambda progress: seen.append(progress["status"]))["status"] == "succeeded"
    assert seen == ["queued", "pending", "running", "succeeded"]


def test_events_are_read_to_their_last_page(api: Packtrain) -> None:
    assert [event["id"] for event in api.events(JOB_ID)] == [1, 2]


def test_the_end_of_a_log_says_where_the_next_piece_begins(api: Packtrain, stub: Stub) -> None:
    stub.logs = {"stderr": "one\ntwo\nthree\n"}
    assert api.logs(JOB_ID, "stderr", tail=2) == LogText("two\nthree\n", 14)


def test_a_followed_log_goes_on_where_a_broken_stream_was(api: Packtrain, stub: Stub) -> None:
    stub.logs, stub.stream_ends = {"stdout": "one\n"}, [[], [], ["event: end\ndata: {}\n\n"]]
    pauses: list[float] = []
    pieces = []
    for piece in api.follow_logs(JOB_ID, clock=Clock(read=lambda: 0.0, sleep=pauses.append)):
        pieces.append(piece)
        stub.later = "日本語\n"
    assert pieces == ["one\n", "日本語\n"]
    assert [headers.get("last-event-id") for headers in stub.headers] == [None, "1:4", "1:14"]
    assert pauses == [2.0, 2.0]


def test_a_download_brings_the_files_but_the_checkpoints(api: Packtrain, stub: Stub, tmp_path: Path) -> None:
    stub.files = {"adapter config.json": b"{}", "plots/loss.png": b"png", "checkpoint-5/optimizer.pt": b"big"}
    paths = api.download(JOB_ID, tmp_path)
    assert {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in paths} == {
        "adapter config.json": b"{}",
        "plots/loss.png": b"png",
    }
    assert len(api.download(JOB_ID, tmp_path, checkpoints=True)) == 3


def test_an_archive_is_one_file(api: Packtrain, tmp_path: Path) -> None:
    assert api.download_archive(JOB_ID, tmp_path / "a.tar").read_bytes() == b"tar bytes"


def test_an_upload_is_counted_to_its_last_byte(api: Packtrain, stub: Stub, tmp_path: Path) -> None:
    path = tmp_path / "日本語 chats.jsonl"
    body = b'{"instruction": "x"}\n' * 20_000
    path.write_bytes(body)
    counted: list[int] = []
    assert api.upload_dataset(path, name="chats", on_bytes=counted.append)["id"] == "ds_1"
    assert stub.uploads == [("chats", path.name, body)]
    assert sum(counted) == len(body)
    assert max(counted) < 100_000, "it was read in pieces"


def test_data_sets_and_their_end(api: Packtrain, stub: Stub) -> None:
    assert api.datasets()["data"][0]["id"] == "ds_1"
    assert api.dataset("ds_1")["kept"] == 2
    assert api.dataset_report("ds_1")["problems"][0]["places"][0]["line"] == 5
    api.delete_dataset("ds_1")
    assert stub.requests[-1] == ("DELETE", "/api/v1/datasets/ds_1")


def test_the_environment_names_the_server(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKTRAIN_URL", stub.url)
    monkeypatch.setenv("PACKTRAIN_TOKEN", TOKEN)
    with Packtrain.from_environment() as api:
        assert api.job(JOB_ID)["owner"] == "alice"


def test_events_come_without_progress_and_end_with_their_job(api: Packtrain, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = ("job.running", None, "job.failed", "job.corrected")
    sent = [
        ServerEvent("message" if kind else "progress", json.dumps({"type": kind} if kind else {}), None)
        for kind in kinds
    ]
    monkeypatch.setattr("packtrain.client.resumed_events", lambda *_, **__: iter(sent))
    assert [event["type"] for event in api.follow_events(JOB_ID)] == ["job.running", "job.failed"]
    assert len(list(api.follow_events())) == 3
