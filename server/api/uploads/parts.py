"""Parts of uploads: taken in, and put together to the data set that they are of."""

from functools import partial
from pathlib import PurePosixPath

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from server.dependencies import API, UploadId, UploadingDep
from server.http.errors.problems import responses
from server.schemas.dataset import DatasetInfo
from server.schemas.upload import PartNumber, UploadCompletionRequest, UploadPartInfo
from server.uploads.form import described_form
from server.uploads.intake import Intake, IntakeDep
from server.uploads.parts import receive_part
from tuning.datasets import part_uploads, service
from tuning.datasets.check.layouts.formats import Wanted
from tuning.datasets.check.layouts.given_entry import given_layout
from tuning.datasets.models import PartUpload
from tuning.datasets.service import KeptFile
from tuning.datasets.status import UploadStatus
from tuning.datasets.storage.store import Incoming
from tuning.errors import Conflict
from tuning.people.queries import user_names

router = APIRouter(prefix="/uploads", tags=["datasets"])
"""Apart, since it holds no session while bytes arrive, and while they are checked."""

_PART_SCHEMA = described_form("data", "The bytes of this part: 64 MiB at most.")
_AS_FOUND = UploadCompletionRequest()


@router.put("/{upload_id}/parts/{number}", responses=responses(404, 409, 507), openapi_extra=_PART_SCHEMA)
async def send_upload_part(
    uploading: UploadingDep, intake: IntakeDep, upload_id: UploadId, number: PartNumber
) -> UploadPartInfo:
    """Send a part, in any order. Sent again, it replaces the one of its number."""
    with uploading.place(intake.user.user_id):
        return UploadPartInfo.of(number, await receive_part(intake, upload_id, number))


@router.post("/{upload_id}/complete", status_code=201, responses=responses(404, 409, 507))
async def complete_upload(
    uploading: UploadingDep,
    intake: IntakeDep,
    upload_id: UploadId,
    response: Response,
    meant: UploadCompletionRequest = _AS_FOUND,
) -> DatasetInfo:
    """Put the parts together to a data set, which is checked as an upload in one request is.

    Asked again, it answers the same. A file that is refused keeps its parts: for another `entry`, or to be cancelled.
    """
    upload, part_ids = await intake.in_transaction(partial(_ordered, upload_id=upload_id, intake=intake))
    if upload.status is UploadStatus.COMPLETED:
        made = await intake.in_transaction(partial(_known, upload=upload))
    else:
        with uploading.place(intake.user.user_id):
            made = await _complete(intake, upload, part_ids, meant)
    response.headers["Location"] = f"{API}/datasets/{made.id}"
    return made


async def _complete(
    intake: Intake, upload: PartUpload, part_ids: list[str], meant: UploadCompletionRequest
) -> DatasetInfo:
    name = service.check_name(meant.name or PurePosixPath(upload.file_name).stem or "data")
    wanted = _wanted(meant)
    with intake.until_stop(), await intake.begin() as incoming:
        await run_in_threadpool(_join, intake, incoming, upload, part_ids)
        keep = partial(service.keep, intake.store, incoming, wanted, file_name=upload.file_name)
        file = await intake.check(upload.file_name, keep)
    made = await intake.record(partial(_created, intake=intake, upload=upload, file=file, name=name))
    await run_in_threadpool(intake.store.parts().remove, [upload.id])
    return made


def _ordered(session: Session, *, upload_id: str, intake: Intake) -> tuple[PartUpload, list[str]]:
    upload = part_uploads.upload_to_complete(session, upload_id, intake.user.user_id, intake.now)
    is_done = upload.status is UploadStatus.COMPLETED
    return upload, [] if is_done else part_uploads.numbered_parts(session, upload)


def _known(session: Session, *, upload: PartUpload) -> DatasetInfo:
    dataset = service.get(session, upload.dataset_id or "")
    return DatasetInfo.of(dataset, user_names(session, [dataset.owner_id])[dataset.owner_id])


def _wanted(meant: UploadCompletionRequest) -> Wanted:
    if meant.entry is not None:
        given_layout(meant.entry)  # before the file is read
    return Wanted(formatting=meant.format, purpose=meant.purpose, entry=meant.entry)


def _join(intake: Intake, incoming: Incoming, upload: PartUpload, part_ids: list[str]) -> None:
    for piece in intake.store.parts().joined(upload.id, part_ids):
        incoming.write(piece)
    if upload.fingerprint not in (None, incoming.sha256):
        message = f"the parts have the SHA-256 {incoming.sha256} together, and another was announced"
        raise Conflict(message, hint="send the parts again that are not what was meant, or cancel the upload")


def _created(session: Session, *, intake: Intake, upload: PartUpload, file: KeptFile, name: str) -> DatasetInfo:
    dataset = service.create(session, file, name=name, owner_id=intake.user.user_id, now=intake.now)
    part_uploads.complete_upload(session, upload.id, dataset.id)
    return DatasetInfo.of(dataset, intake.user.name)
