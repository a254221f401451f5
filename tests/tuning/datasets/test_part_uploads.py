"""Uploads in parts: rows of what has come, found again by a fingerprint, replaced by number, gone with their time."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOON, make_user
from tuning.datasets import part_uploads
from tuning.datasets.models import PartUpload, UploadPart
from tuning.datasets.part_uploads import UploadRequest, UploadRoom
from tuning.datasets.storage.store import ContentStore
from tuning.errors import Conflict, InvalidInput, StorageFull
from tuning.people.models import User

ROOM = UploadRoom(file_bytes=1000, owner_bytes=1500)
PRINT = "a" * 64


@pytest.fixture
def user(session: Session) -> User:
    return make_user(session, name="ada")


def begun(session: Session, user: User, size_bytes: int = 10) -> PartUpload:
    wanted = UploadRequest(user.id, "chats.jsonl", size_bytes, fingerprint=PRINT)
    return part_uploads.begin_upload(session, wanted, ROOM, NOON)


def part(upload: PartUpload, name: str, size_bytes: int, number: int | None = None) -> UploadPart:
    return UploadPart(id=name, upload_id=upload.id, number=number, size_bytes=size_bytes, created_at=NOON)


def test_the_upload_of_the_same_file_is_found_again(session: Session, user: User) -> None:
    upload = begun(session, user)
    wanted = UploadRequest(user.id, "chats.jsonl", 10, fingerprint=PRINT)
    assert part_uploads.same_upload(session, wanted, NOON) is upload
    for other in (
        UploadRequest(user.id, "chats.jsonl", 11, fingerprint=PRINT),
        UploadRequest(user.id, "chats.jsonl", 10, fingerprint="b" * 64),
        UploadRequest(user.id, "chats.jsonl", 10),
        UploadRequest("user_other", "chats.jsonl", 10, fingerprint=PRINT),
    ):
        assert part_uploads.same_upload(session, other, NOON) is None
    assert part_uploads.same_upload(session, wanted, NOON + timedelta(hours=1)) is None


def test_a_part_of_the_same_number_is_replaced(session: Session, user: User) -> None:
    upload = begun(session, user)
    assert part_uploads.add_part(session, upload, part(upload, "part_a", 4, 1)) is None
    assert part_uploads.add_part(session, upload, part(upload, "part_b", 6, 2)) is None
    assert part_uploads.add_part(session, upload, part(upload, "part_c", 4, 1)) == "part_a"
    assert [each.id for each in part_uploads.parts_of(session, upload.id)] == ["part_c", "part_b"]
    assert part_uploads.ordered_parts(session, upload, ["part_c", "part_b"]) == ["part_c", "part_b"]


def test_parts_are_never_larger_than_what_was_announced(session: Session, user: User) -> None:
    upload = begun(session, user)
    assert part_uploads.room_for_part(session, upload) == 10
    with pytest.raises(Conflict):
        part_uploads.add_part(session, upload, part(upload, "part_a", 11))
    with pytest.raises(InvalidInput, match="empty"):
        part_uploads.add_part(session, upload, part(upload, "part_a", 0))
    part_uploads.add_part(session, upload, part(upload, "part_a", 10))
    with pytest.raises(Conflict, match="all of its 10 bytes"):
        part_uploads.room_for_part(session, upload)


def test_what_is_announced_takes_room(session: Session, user: User) -> None:
    begun(session, user, 1000)
    with pytest.raises(StorageFull):
        begun(session, user, 501)
    with pytest.raises(InvalidInput):
        begun(session, user, 1001)


def test_an_upload_is_completed_once(session: Session, user: User) -> None:
    upload = begun(session, user)
    part_uploads.complete_upload(session, upload.id, "ds_a")
    with pytest.raises(Conflict):
        part_uploads.complete_upload(session, upload.id, "ds_b")


def test_what_ended_leaves_the_disk(session: Session, user: User, tmp_path: Path) -> None:
    store = ContentStore(tmp_path, 1000)
    upload = begun(session, user)
    with store.parts().receive(upload.id, "part_a", 10) as growing:
        growing.write(b"0123456789")
        growing.keep()
    part_uploads.remove_ended(session, store, NOON + timedelta(minutes=59))
    assert b"".join(store.parts().joined(upload.id, ["part_a"])) == b"0123456789"
    part_uploads.remove_ended(session, store, NOON + timedelta(hours=1))
    assert store.parts().upload_ids() == []
    with pytest.raises(Conflict, match="gone"):
        list(store.parts().joined(upload.id, ["part_a"]))
