"""AsyncPacktrain: the methods of Packtrain, awaited."""

import inspect
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from packtrain import AsyncPacktrain, Packtrain
from packtrain.errors import ApiError
from packtrain.transport.log_text import LogText
from tests.packtrain.stub_server import JOB_ID, TOKEN, Stub, job_json

pytestmark = pytest.mark.anyio


@pytest.fixture
async def api(stub: Stub) -> AsyncIterator[AsyncPacktrain]:
    async with AsyncPacktrain(stub.url, TOKEN) as open_api:
        yield open_api


def _signatures(client: type) -> dict[str, list[str]]:
    """By method, what a caller can say; a clock is injected in the synchronous client alone."""
    public = {name: method for name, method in inspect.getmembers(client, callable) if not name.startswith("_")}
    return {
        name: [str(each) for each in inspect.signature(method).parameters.values() if each.name != "clock"]
        for name, method in public.items()
    }


async def test_both_clients_have_the_same_methods() -> None:
    assert _signatures(AsyncPacktrain) == _signatures(Packtrain)


async def test_a_submission_survives_a_restart_under_the_same_key(api: AsyncPacktrain, stub: Stub) -> None:
    stub.refusals = [(503, {"title": "Service Unavailable"})]
    assert (await api.submit(name="a"))["id"] == JOB_ID
    assert len({headers["idempotency-key"] for headers in stub.headers}) == 1
    assert len(stub.headers) == 2


async def test_a_wrong_token_is_an_api_error_that_does_not_show_it(stub: Stub) -> None:
    async with AsyncPacktrain(stub.url, "pt_wrong") as api:
        with pytest.raises(ApiError, match="expired or revoked") as caught:
            await api.job(JOB_ID)
    assert "pt_wrong" not in str(caught.value)


async def test_a_wait_ends_with_the_ended_job_and_has_told_every_change(api: AsyncPacktrain, stub: Stub) -> None:
    stub.versions = [
        job_json(progress={"version": number, "status": status})
        for number, status in enumerate(("queued", "pending", "running", "succeeded"))
    ]
    seen: list[str] = []
    ended = await api.wait(JOB_ID, lambda progress: seen.append(progress["status"]))
    assert ended["status"] == "succeeded"
    assert seen == ["queued", "pending", "running", "succeeded"]


async def test_events_are_read_to_their_last_page(api: AsyncPacktrain) -> None:
    assert [event["id"] async for event in api.events(JOB_ID)] == [1, 2]


async def test_the_end_of_a_log_says_where_the_next_piece_begins(api: AsyncPacktrain, stub: Stub) -> None:
    stub.logs = {"stderr": "one\ntwo\nthree\n"}
    assert await api.logs(JOB_ID, "stderr", tail=2) == LogText("two\nthree\n", 14)


async def test_a_followed_log_is_read_to_its_end(api: AsyncPacktrain, stub: Stub) -> None:
    stub.logs = {"stdout": "one\n"}
    assert [piece async for piece in api.follow_logs(JOB_ID)] == ["one\n"]


async def test_a_download_brings_the_files_but_the_checkpoints(api: AsyncPacktrain, stub: Stub, tmp_path: Path) -> None:
    stub.files = {"adapter config.json": b"{}", "plots/loss.png": b"png", "checkpoint-5/optimizer.pt": b"big"}
    for _ in range(2):
        paths = await api.download(JOB_ID, tmp_path)
        found = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in paths}
        assert found == {"adapter config.json": b"{}", "plots/loss.png": b"png"}


async def test_an_upload_is_streamed_and_counted(api: AsyncPacktrain, stub: Stub, tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_bytes(b"[]")
    counted: list[int] = []
    assert (await api.upload_dataset(file, on_bytes=counted.append))["id"].startswith("ds_")
    assert sum(counted) == 2
