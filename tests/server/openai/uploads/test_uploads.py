"""Uploads in parts by OpenAI's own client."""

import hashlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openai as sdk
import pytest
from fastapi import FastAPI
from openai import OpenAI

from tests.factories import Clock
from tests.server.openai.conftest import ClientOf
from tests.tuning.datasets.files import as_lines, messages
from tuning.people.models import User
from tuning.settings import Settings

GOOD = as_lines([messages(), messages(("user", "a"), ("assistant", "b")), messages()])


def begun(openai: OpenAI, **changes: Any) -> str:
    body = {"bytes": len(GOOD), "filename": "chats.jsonl", "mime_type": "text/jsonl", "purpose": "fine-tune"}
    return openai.uploads.create(**{**body, **changes}).id


def part(openai: OpenAI, upload_id: str, data: bytes) -> str:
    return openai.uploads.parts.create(upload_id, data=data).id


def test_parts_become_a_file_in_the_order_that_is_told(openai: OpenAI, settings: Settings) -> None:
    upload_id = begun(openai)
    end, start = part(openai, upload_id, GOOD[20:]), part(openai, upload_id, GOOD[:20])
    md5 = hashlib.md5(GOOD, usedforsecurity=False).hexdigest()
    done = openai.uploads.complete(upload_id, part_ids=[start, end], md5=md5)
    assert done.file is not None
    assert (done.status, done.file.status, done.file.bytes) == ("completed", "processed", len(GOOD))
    assert openai.files.content(done.file.id).read() == GOOD
    assert not list((settings.data_dir / "datasets" / "incoming" / "parts").glob("*"))


def test_a_large_file_is_sent_in_chunks_by_the_client(openai: OpenAI, tmp_path: Path) -> None:
    path = tmp_path / "chats.jsonl"
    path.write_bytes(GOOD * 10)
    done = openai.uploads.upload_file_chunked(
        file=path, mime_type="text/jsonl", purpose="fine-tune", part_size=len(GOOD)
    )
    assert done.file is not None
    assert done.file.bytes == len(GOOD) * 10


def test_completing_twice_answers_the_same(openai: OpenAI) -> None:
    upload_id = begun(openai)
    parts = [part(openai, upload_id, GOOD)]
    assert openai.uploads.complete(upload_id, part_ids=parts) == openai.uploads.complete(upload_id, part_ids=parts)
    assert len(openai.files.list().data) == 1


def test_to_complete_takes_a_place_of_its_person(openai: OpenAI, app: FastAPI, settings: Settings, user: User) -> None:
    upload_id = begun(openai)
    parts = [part(openai, upload_id, GOOD)]
    with ExitStack() as held:
        for _ in range(settings.uploads_per_person):
            held.enter_context(app.state.uploading.place(user.id))
        with pytest.raises(sdk.RateLimitError):
            openai.uploads.complete(upload_id, part_ids=parts)
    assert openai.uploads.complete(upload_id, part_ids=parts).status == "completed"


def test_what_is_bad_is_kept_with_its_findings(openai: OpenAI) -> None:
    upload_id = begun(openai, bytes=3)
    done = openai.uploads.complete(upload_id, part_ids=[part(openai, upload_id, b'{"x')])
    assert done.file is not None
    assert done.file.status == "error"


def test_the_parts_have_to_be_the_whole_file(openai: OpenAI) -> None:
    upload_id = begun(openai)
    start = part(openai, upload_id, GOOD[:20])
    for part_ids, said in ([start], "20 bytes"), ([start, start], "twice"), ([start, "part_x"], "no part"):
        with pytest.raises(sdk.BadRequestError, match=said) as refused:
            openai.uploads.complete(upload_id, part_ids=part_ids)
        assert str(refused.value.param).startswith("part_ids")


def test_another_md5_is_refused_and_the_parts_stay(openai: OpenAI) -> None:
    upload_id = begun(openai)
    parts = [part(openai, upload_id, GOOD)]
    with pytest.raises(sdk.BadRequestError) as refused:
        openai.uploads.complete(upload_id, part_ids=parts, md5="0" * 32)
    assert refused.value.param == "md5"
    assert openai.uploads.complete(upload_id, part_ids=parts).status == "completed"


def test_no_more_arrives_than_was_announced(openai: OpenAI) -> None:
    upload_id = begun(openai, bytes=10)
    with pytest.raises(sdk.APIStatusError) as refused:
        part(openai, upload_id, GOOD)
    assert (refused.value.status_code, refused.value.code) == (413, "too_large")
    part(openai, upload_id, GOOD[:10])
    with pytest.raises(sdk.BadRequestError):
        part(openai, upload_id, b"x")


def test_a_cancelled_upload_takes_nothing(openai: OpenAI, settings: Settings) -> None:
    upload_id = begun(openai)
    parts = [part(openai, upload_id, GOOD)]
    assert openai.uploads.cancel(upload_id).status == "cancelled"
    assert not list((settings.data_dir / "datasets" / "incoming" / "parts").glob("*"))
    for again in (
        lambda: part(openai, upload_id, GOOD),
        lambda: openai.uploads.complete(upload_id, part_ids=parts),
        lambda: openai.uploads.cancel(upload_id),
    ):
        with pytest.raises(sdk.BadRequestError, match="cancelled"):
            again()


def test_an_upload_expires_an_hour_after_its_last_part(openai: OpenAI, clock: Clock, settings: Settings) -> None:
    upload_id = begun(openai)
    clock.advance(3000)
    part(openai, upload_id, GOOD[:20])
    clock.advance(3000)
    part(openai, upload_id, GOOD[20:40])
    clock.advance(3601)
    with pytest.raises(sdk.BadRequestError, match="expired"):
        part(openai, upload_id, GOOD[40:])
    begun(openai)
    assert not list((settings.data_dir / "datasets" / "incoming" / "parts").glob("*"))
    with pytest.raises(sdk.NotFoundError):
        part(openai, upload_id, GOOD[40:])


def test_the_upload_of_somebody_else_is_not_there(openai: OpenAI, client_of: ClientOf) -> None:
    upload_id, bob = begun(openai), client_of("bob")
    with pytest.raises(sdk.NotFoundError):
        part(bob, upload_id, GOOD)
    with pytest.raises(sdk.NotFoundError):
        bob.uploads.cancel(upload_id)


def test_nobody_announces_without_end(openai: OpenAI) -> None:
    for _ in range(20):
        begun(openai)
    with pytest.raises(sdk.BadRequestError) as refused:
        begun(openai)
    assert refused.value.code == "conflict"


@pytest.mark.parametrize(
    ("changes", "param", "status"),
    [
        ({"purpose": "batch"}, "purpose", 400),
        ({"bytes": 10**15}, "bytes", 400),
        ({"bytes": 0}, "bytes", 422),
        ({"expires_after": {"anchor": "created_at", "seconds": 1}}, "expires_after.seconds", 422),
    ],
)
def test_what_cannot_come_is_refused(openai: OpenAI, changes: dict[str, Any], param: str, status: int) -> None:
    with pytest.raises(sdk.APIStatusError) as refused:
        begun(openai, **changes)
    assert (refused.value.status_code, refused.value.param) == (status, param)


@pytest.mark.parametrize("upload_id", ["upload_none", "x", "upload_" + "a" * 200])
def test_a_wrong_upload_is_not_there(openai: OpenAI, upload_id: str) -> None:
    with pytest.raises(sdk.NotFoundError):
        part(openai, upload_id, GOOD)
