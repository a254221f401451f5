"""`POST /v1/files`: a file of training data in one request."""

from functools import partial

from fastapi import APIRouter, Request

from server.dependencies import UploadingDep
from server.openai import expiry
from server.openai.files.creation import check_purpose, created_object, file_name_of, keep_file
from server.openai.files.schema import FileObject
from server.uploads.form import FormFields
from server.uploads.intake import IntakeDep, form_boundary

router = APIRouter()
"""Apart, since it must not hold a session of the database for the hours that an upload may take."""

_FORM = FormFields(
    "file",
    frozenset({"purpose", *expiry.FIELDS}),
    "send multipart/form-data with `file` and `purpose`, and where wanted `expires_after`",
)
_KINDS = "the header Content-Type does not say multipart/form-data"


@router.post("/files")
async def create_file(request: Request, uploading: UploadingDep, intake: IntakeDep) -> FileObject:
    """Upload a file. One that cannot be trained on is kept too: its status is `error`, and a job with it fails."""
    boundary = form_boundary(request, _KINDS)
    with uploading.place(intake.user.user_id), intake.until_stop(), await intake.begin() as incoming:
        form = await intake.receive(boundary, incoming, _FORM)
        check_purpose(form.fields.get("purpose"))
        name, keeps_seconds = file_name_of(form.filename), expiry.form_expiry(form.fields)
        file = await keep_file(intake, incoming, name, keeps_seconds)
        return await intake.record(partial(created_object, intake=intake, file=file))
