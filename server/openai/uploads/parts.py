"""Parts of uploads: taken in, and put together to the file that they are of."""

import hashlib
from functools import partial

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from server.dependencies import UploadingDep
from server.openai.files.creation import NewFile, create_file, keep_file
from server.openai.files.schema import FileObject
from server.openai.ids import file_id_of, upload_id_read
from server.openai.uploads.schema import CompletionBody, PartObject, UploadObject
from server.uploads.intake import Intake, IntakeDep
from server.uploads.parts import receive_part
from tuning.datasets import part_uploads
from tuning.datasets.models import Dataset, PartUpload
from tuning.datasets.status import UploadStatus
from tuning.datasets.storage.store import Incoming
from tuning.errors import Finding, InvalidInput

router = APIRouter()
"""They hold no session while bytes arrive, and while they are checked."""


@router.post("/uploads/{upload_id}/parts")
async def add_upload_part(upload_id: str, uploading: UploadingDep, intake: IntakeDep) -> PartObject:
    """Send a part; several may be sent at once, since the end says in which order they belong."""
    with uploading.place(intake.user.user_id):
        return PartObject.of(await receive_part(intake, upload_id_read(upload_id)))


@router.post("/uploads/{upload_id}/complete")
async def complete_upload(
    upload_id: str, body: CompletionBody, uploading: UploadingDep, intake: IntakeDep
) -> UploadObject:
    """Put the parts together to a file. Asked again, it answers the same."""
    upload_id = upload_id_read(upload_id)
    upload, part_ids = await intake.in_transaction(partial(_ordered, upload_id=upload_id, body=body, intake=intake))
    if upload.status is UploadStatus.COMPLETED:
        return await intake.in_transaction(partial(_shown, upload_id=upload_id, intake=intake))
    with uploading.place(intake.user.user_id), intake.until_stop(), await intake.begin() as incoming:
        await run_in_threadpool(_join, intake, incoming, upload_id, part_ids, body.md5)
        file = await keep_file(intake, incoming, upload.file_name, upload.keeps_seconds)
        await intake.record(partial(_completed, intake=intake, upload_id=upload_id, file=file))
    await run_in_threadpool(intake.store.parts().remove, [upload_id])
    return await intake.in_transaction(partial(_shown, upload_id=upload_id, intake=intake))


def _ordered(session: Session, *, upload_id: str, body: CompletionBody, intake: Intake) -> tuple[PartUpload, list[str]]:
    upload = part_uploads.upload_to_complete(session, upload_id, intake.user.user_id, intake.now)
    is_done = upload.status is UploadStatus.COMPLETED
    return upload, [] if is_done else part_uploads.ordered_parts(session, upload, body.part_ids)


def _join(intake: Intake, incoming: Incoming, upload_id: str, part_ids: list[str], md5: str | None) -> None:
    found = hashlib.md5(usedforsecurity=False)
    for piece in intake.store.parts().joined(upload_id, part_ids):
        incoming.write(piece)
        found.update(piece)
    if md5 is not None and md5.lower() != found.hexdigest():
        message = f"the parts have the MD5 {found.hexdigest()} together"
        raise InvalidInput([Finding(("md5",), message, "send the part again that is not what was meant")])


def _completed(session: Session, *, intake: Intake, upload_id: str, file: NewFile) -> None:
    part_uploads.complete_upload(session, upload_id, create_file(session, intake, file).id)


def _shown(session: Session, *, upload_id: str, intake: Intake) -> UploadObject:
    upload = part_uploads.own_upload(session, upload_id, intake.user.user_id)
    dataset = session.get(Dataset, upload.dataset_id) if upload.dataset_id is not None else None
    file = FileObject.of(dataset, file_id_of(dataset.id)) if dataset is not None else None
    return UploadObject.of(upload, intake.now, file)
