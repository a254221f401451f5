"""Uploads that arrive in parts: begun, filled, put together, cancelled, and removed when nobody goes on with them.

Rows only: the bytes are in tuning.datasets.storage.part_files. Each function in the caller's transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from tuning.datasets.models import PartUpload, UploadPart
from tuning.datasets.service import check_name
from tuning.datasets.status import UploadStatus
from tuning.datasets.storage.store import HOW_TO_MAKE_ROOM, ContentStore
from tuning.errors import Conflict, Finding, InvalidInput, NotFound, StorageFull
from tuning.ids import new_id

PATIENCE = timedelta(hours=1)
"""Without another part."""
LARGEST_PART_BYTES = 64 * 1024 * 1024
MOST_PARTS = 2_000
MOST_PENDING = 20
"""Of one user."""
ShownStatus = Literal["pending", "completed", "cancelled", "expired"]


@dataclass(frozen=True)
class UploadRequest:
    """The file that is to come, and whose it is."""

    user_id: str
    file_name: str
    size_bytes: int
    fingerprint: str | None = None
    keeps_seconds: int | None = None


@dataclass(frozen=True)
class UploadRoom:
    """Bytes that may come: in one file, and of its owner's files together."""

    file_bytes: int
    owner_bytes: int


def begin_upload(session: Session, wanted: UploadRequest, room: UploadRoom, now: datetime) -> PartUpload:
    """An upload that takes parts. Raises InvalidInput, Conflict with too many of them, StorageFull."""
    if not 1 <= wanted.size_bytes <= room.file_bytes:
        message = f"a file has 1 to {room.file_bytes} bytes"
        raise InvalidInput([Finding(("size_bytes",), message, "split it, or ask the operator to raise the limit")])
    pending = select(func.count(), func.coalesce(func.sum(PartUpload.size_bytes), 0)).where(
        PartUpload.user_id == wanted.user_id, PartUpload.status == UploadStatus.PENDING, PartUpload.expires_at > now
    )
    count, announced_bytes = session.execute(pending).one()
    if count >= MOST_PENDING:
        raise Conflict(f"{count} of your uploads are not complete", hint="complete or cancel them first")
    if announced_bytes + wanted.size_bytes > room.owner_bytes:
        message = f"your uploads may keep {room.owner_bytes} more bytes, of which {announced_bytes} are announced"
        raise StorageFull(message, hint=HOW_TO_MAKE_ROOM)
    upload = PartUpload(
        id=new_id("upload"),
        user_id=wanted.user_id,
        file_name=check_name(wanted.file_name),
        size_bytes=wanted.size_bytes,
        fingerprint=wanted.fingerprint,
        keeps_seconds=wanted.keeps_seconds,
        status=UploadStatus.PENDING,
        created_at=now,
        expires_at=now + PATIENCE,
    )
    session.add(upload)
    session.flush()
    return upload


def own_upload(session: Session, upload_id: str, user_id: str) -> PartUpload:
    """An upload of this user, which nobody else changes until the transaction ends. Raises NotFound."""
    query = select(PartUpload).where(PartUpload.id == upload_id, PartUpload.user_id == user_id).with_for_update()
    found = session.scalar(query)
    if found is None:
        raise NotFound(f"there is no upload {upload_id}", hint="what got no part for an hour is removed")
    return found


def pending_upload(session: Session, upload_id: str, user_id: str, now: datetime) -> PartUpload:
    """An upload of this user that takes parts: it stays for another hour. Raises NotFound, Conflict."""
    upload = own_upload(session, upload_id, user_id)
    status = status_at(upload, now)
    if status != "pending":
        raise Conflict(f"the upload {upload_id} is {status}", hint="upload the file again")
    upload.expires_at = now + PATIENCE
    return upload


def upload_to_complete(session: Session, upload_id: str, user_id: str, now: datetime) -> PartUpload:
    """An upload that takes parts, or one that is completed: to ask for that twice is no error.

    Raises NotFound, Conflict.
    """
    upload = own_upload(session, upload_id, user_id)
    is_done = upload.status is UploadStatus.COMPLETED
    return upload if is_done else pending_upload(session, upload_id, user_id, now)


def status_at(upload: PartUpload, now: datetime) -> ShownStatus:
    """Status as people are told: one that takes no parts for its time says `expired`."""
    if upload.status is UploadStatus.PENDING and upload.expires_at <= now:
        return "expired"
    return upload.status.value


def same_upload(session: Session, wanted: UploadRequest, now: datetime) -> PartUpload | None:
    """The newest pending upload of the same file, by its fingerprint and size."""
    same = (
        PartUpload.user_id == wanted.user_id,
        PartUpload.fingerprint == wanted.fingerprint,
        PartUpload.size_bytes == wanted.size_bytes,
        PartUpload.status == UploadStatus.PENDING,
        PartUpload.expires_at > now,
    )
    query = select(PartUpload).where(*same).order_by(PartUpload.created_at.desc(), PartUpload.id.desc()).limit(1)
    return session.scalar(query) if wanted.fingerprint is not None else None


def parts_of(session: Session, upload_id: str) -> Sequence[UploadPart]:
    """The parts that are there: by their number, and those without by their time."""
    query = select(UploadPart).where(UploadPart.upload_id == upload_id)
    return session.scalars(query.order_by(UploadPart.number, UploadPart.created_at, UploadPart.id)).all()


def room_for_part(session: Session, upload: PartUpload, number: int | None = None) -> int:
    """Bytes that the next part may have. Raises Conflict where the file is whole, or has too many parts."""
    others = [part for part in parts_of(session, upload.id) if number is None or part.number != number]
    left_bytes = upload.size_bytes - sum(part.size_bytes for part in others)
    if len(others) >= MOST_PARTS or left_bytes <= 0:
        message = f"the upload {upload.id} has {len(others)} parts, and all of its {upload.size_bytes} bytes"
        many = f"the upload {upload.id} has {len(others)} parts, and takes no more"
        raise Conflict(message if left_bytes <= 0 else many, hint="complete it, or begin anew with larger parts")
    return min(LARGEST_PART_BYTES, left_bytes)


def add_part(session: Session, upload: PartUpload, part: UploadPart) -> str | None:
    """Take in a part that lies whole on the disk. A part of the same number is replaced: its id is returned.

    Raises Conflict where others came meanwhile, and InvalidInput for an empty one.
    """
    if part.size_bytes == 0:
        raise InvalidInput([Finding(("data",), "the part is empty", "leave it out")])
    if part.size_bytes > room_for_part(session, upload, part.number):
        raise Conflict(f"the parts of {upload.id} are larger than {upload.size_bytes} bytes", hint="upload it again")
    same = (UploadPart.upload_id == upload.id, UploadPart.number == part.number, UploadPart.number.is_not(None))
    replaced = session.scalar(delete(UploadPart).where(*same).returning(UploadPart.id))
    session.add(part)
    session.flush()
    return replaced


def ordered_parts(session: Session, upload: PartUpload, part_ids: Sequence[str]) -> list[str]:
    """Ids of parts that make up the whole file in this order. Raises InvalidInput."""
    sizes = {part.id: part.size_bytes for part in parts_of(session, upload.id)}
    findings = [
        Finding(("part_ids", place), f"there is no part {part_id[:80]!a} of this upload")
        for place, part_id in enumerate(part_ids)
        if part_id not in sizes
    ]
    if not findings and len(set(part_ids)) < len(part_ids):
        findings = [Finding(("part_ids",), "a part is named twice")]
    size_bytes = sum(sizes.get(part_id, 0) for part_id in part_ids)
    if not findings and size_bytes != upload.size_bytes:
        message = f"these parts have {size_bytes} bytes, and {upload.size_bytes} were announced"
        findings = [Finding(("part_ids",), message, "name every part, in the order of the file")]
    if findings:
        raise InvalidInput(findings[:10])
    return list(part_ids)


def numbered_parts(session: Session, upload: PartUpload) -> list[str]:
    """Ids of the parts in the order of their numbers. Raises Conflict unless they are the whole file."""
    parts = parts_of(session, upload.id)
    size_bytes = sum(part.size_bytes for part in parts)
    if size_bytes != upload.size_bytes or [part.number for part in parts] != list(range(1, len(parts) + 1)):
        numbers = ", ".join(str(part.number) for part in parts[:20])
        message = f"the upload has the parts {numbers or '(none)'} with {size_bytes} of {upload.size_bytes} bytes"
        raise Conflict(message, hint="send the parts that are missing; they are numbered from 1 without a gap")
    return [part.id for part in parts]


def complete_upload(session: Session, upload_id: str, dataset_id: str) -> None:
    """Note what an upload became. Raises Conflict where it was completed or cancelled meanwhile."""
    own = (PartUpload.id == upload_id, PartUpload.status == UploadStatus.PENDING)
    done = update(PartUpload).where(*own).values(status=UploadStatus.COMPLETED, dataset_id=dataset_id)
    if session.scalar(done.returning(PartUpload.id)) is None:
        raise Conflict(f"the upload {upload_id} has ended meanwhile")


def cancel_upload(session: Session, store: ContentStore, upload: PartUpload) -> None:
    """End an upload that takes parts, and remove those that there are."""
    upload.status = UploadStatus.CANCELLED
    session.flush()
    store.parts().remove([upload.id])


def remove_ended(session: Session, store: ContentStore, now: datetime) -> None:
    """Forget uploads that expired or ended an hour ago, and remove what is on the disk of uploads that are not there.

    A folder is made after its upload's row was committed: one without a row is nobody's.
    """
    session.execute(delete(PartUpload).where(PartUpload.expires_at <= now))
    there = store.parts().upload_ids()
    going_on = PartUpload.status == UploadStatus.PENDING
    known = set(session.scalars(select(PartUpload.id).where(PartUpload.id.in_(there), going_on)))
    store.parts().remove(upload_id for upload_id in there if upload_id not in known)
