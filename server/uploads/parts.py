"""Parts of uploads: taken in, for every API that takes parts."""

from functools import partial

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from server.uploads.form import FormFields
from server.uploads.intake import Intake, form_boundary
from tuning.datasets import part_uploads
from tuning.datasets.models import UploadPart
from tuning.ids import new_id

_FORM = FormFields("data", frozenset(), "send multipart/form-data with `data`")
_KINDS = "the header Content-Type does not say multipart/form-data"


async def receive_part(intake: Intake, upload_id: str, number: int | None = None) -> UploadPart:
    """The part in the request's form, once it is on the disk and has its row; one of the same number it replaces.

    Raises NotFound, Conflict, InvalidInput, StorageFull; Unavailable when the server stops; HTTPException for a part
    that is too large.
    """
    boundary = form_boundary(intake.request, _KINDS)
    part = UploadPart(id=new_id("part"), upload_id=upload_id, number=number, created_at=intake.now)
    with intake.until_stop():
        most_bytes = await intake.in_transaction(partial(_room, part=part, intake=intake))
        with await run_in_threadpool(intake.store.parts().receive, upload_id, part.id, most_bytes) as growing:
            await intake.receive(boundary, growing, _FORM)
            await run_in_threadpool(growing.keep)
            part.size_bytes = growing.size_bytes
        try:
            replaced = await intake.in_transaction(partial(_added, part=part, intake=intake))
        except BaseException:
            intake.store.parts().remove_part(upload_id, part.id)
            raise
        if replaced is not None:
            await run_in_threadpool(intake.store.parts().remove_part, upload_id, replaced)
    return part


def _room(session: Session, *, part: UploadPart, intake: Intake) -> int:
    upload = part_uploads.pending_upload(session, part.upload_id, intake.user.user_id, intake.now)
    return part_uploads.room_for_part(session, upload, part.number)


def _added(session: Session, *, part: UploadPart, intake: Intake) -> str | None:
    upload = part_uploads.pending_upload(session, part.upload_id, intake.user.user_id, intake.now)
    return part_uploads.add_part(session, upload, part)
