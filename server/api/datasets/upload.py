"""A new data set: uploaded, or found on a cluster."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Any, TypeVar, get_args

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from python_multipart.multipart import parse_options_header
from sqlalchemy.orm import Session
from starlette.datastructures import State
from starlette.exceptions import HTTPException

from server.dependencies import UploadingDep
from server.http.errors.findings import from_pydantic
from server.http.errors.problems import responses
from server.schemas.dataset import DatasetInfo
from server.uploads.form import FormFields, described_form
from server.uploads.intake import Intake, IntakeDep, form_boundary, room_for
from tuning.datasets import service
from tuning.datasets.check.layouts.formats import Formatting, Purpose, Wanted
from tuning.datasets.check.layouts.given_entry import given_layout
from tuning.datasets.service import KeptFile
from tuning.errors import Finding, InvalidInput
from tuning.jobs.data_check.create import CheckSites, check_dataset
from tuning.jobs.data_check.spec import ClusterDataset

router = APIRouter(prefix="/datasets", tags=["datasets"])
"""Apart, since it must not hold a session of the database for the hours that an upload may take."""

_FORM = FormFields(
    "file",
    frozenset({"name", "format", "purpose", "entry"}),
    "send multipart/form-data with the field `file`, and where wanted `name`, `format` and `purpose`; "
    "or application/json with `cluster_path` for a file that lies on a cluster",
)
_ENTRY_HINT = 'write what dataset_info.json has for it: {"columns": {"prompt": "question", "response": "answer"}}'
_KINDS = (
    "the header Content-Type says neither multipart/form-data (a file in the field `file`) nor application/json "
    "(`cluster_path` of a file on a cluster)"
)
_MAX_JSON_BYTES = 64 * 1024
_UPLOAD_SCHEMA = described_form(
    "file",
    "JSON lines, one JSON array, CSV, text (.txt; all as UTF-8), or Parquet; or a tar or zip of one of these with the "
    "images, videos and audios that its rows name.",
    {
        "name": {
            "type": "string",
            "minLength": 1,
            "maxLength": service.MAX_NAME_LENGTH,
            "description": "By default the file's name without its ending.",
        },
        "format": {
            "type": "string",
            "enum": list(get_args(Formatting)),
            "description": "Refuse the file unless it has this form. By default it is found out.",
        },
        "purpose": {
            "type": "string",
            "enum": list(get_args(Purpose)),
            "description": "What it teaches, where its columns serve more than one; found out too.",
        },
        "entry": {
            "type": "string",
            "description": "LLaMA-Factory's entry for it, as JSON: formatting, columns, tags, ranking, num_samples. By "
            "default all is found out.",
        },
    },
    or_json=ClusterDataset.model_json_schema(),
)
Choice = TypeVar("Choice", bound=str)


@router.post("", status_code=201, responses=responses(409, 507), openapi_extra=_UPLOAD_SCHEMA)
async def add_dataset(request: Request, response: Response, uploading: UploadingDep, intake: IntakeDep) -> DatasetInfo:
    """Upload a data set: it is checked line by line as LLaMA-Factory would read it, and kept once per content.

    What would crash the job is refused, with its lines; what LLaMA-Factory would drop is kept and told in the report.

    With a JSON body the file is one that lies on a cluster: the answer is a data set that is `checking`, by the job in
    `check_job`, and becomes `ready` or `refused`.
    """
    if parse_options_header(request.headers.get("content-type", ""))[0] == b"application/json":
        begin = partial(_begin_check, state=request.app.state, wanted=await _read_json(request), intake=intake)
        made = await intake.in_transaction(begin)
    else:
        boundary = form_boundary(request, _KINDS)
        with uploading.place(intake.user.user_id):
            made = await _upload(intake, boundary)
    response.headers["Location"] = f"{request.url.path}/{made.id}"
    return made


async def _upload(intake: Intake, boundary: bytes | None) -> DatasetInfo:
    with intake.until_stop(), await intake.begin() as incoming:
        form = await intake.receive(boundary, incoming, _FORM)
        file_name = form.filename or ""
        name = service.check_name(form.fields.get("name") or PurePosixPath(file_name).stem or "data")
        keep = partial(service.keep, intake.store, incoming, _wanted(form.fields), file_name=file_name)
        file = await intake.check(file_name or name, keep)
    return await intake.record(partial(_create, file=file, name=name, intake=intake))


async def _read_json(request: Request) -> ClusterDataset:
    """Raises InvalidInput, with the fields that there are; HTTPException when it grows beyond a form's size."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_JSON_BYTES:
            raise HTTPException(413, f"the body is larger than {_MAX_JSON_BYTES} bytes", {"Connection": "close"})
    try:
        return ClusterDataset.model_validate(json.loads(body))
    except ValidationError as error:
        errors = [{**found, "loc": ("body", *found["loc"])} for found in error.errors(include_input=False)]
        raise InvalidInput(from_pydantic(errors, ClusterDataset)) from error
    except (ValueError, RecursionError) as error:
        hint = 'send {"cluster_path": "/..."}, or a file as multipart/form-data'
        raise InvalidInput([Finding(("body",), "the body is no JSON", hint)]) from error


def _begin_check(session: Session, *, state: State, wanted: ClusterDataset, intake: Intake) -> DatasetInfo:
    room_for(session, intake.user, state.settings, intake.now)
    sites = CheckSites(state.clusters, partial(state.views.view, session))
    return DatasetInfo.of(check_dataset(session, wanted, sites, intake.user, intake.now), intake.user.name)


def _wanted(fields: Mapping[str, str]) -> Wanted:
    return Wanted(
        formatting=_chosen(fields, "format", get_args(Formatting), "OpenAI's messages are sharegpt too"),
        purpose=_chosen(fields, "purpose", get_args(Purpose), "it fits stage sft, dpo and rm, kto, or pt"),
        entry=_entry(fields.get("entry")),
    )


def _entry(text: str | None) -> dict[str, Any] | None:
    """The entry in a field of the form. Raises InvalidInput."""
    if text is None:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput([Finding(("entry",), "the entry is no JSON", _ENTRY_HINT)]) from error
    if not isinstance(found, dict):
        raise InvalidInput([Finding(("entry",), "the entry is no JSON object", _ENTRY_HINT)])
    given_layout(found)  # before the file is read
    return found


def _chosen(fields: Mapping[str, str], name: str, known: Sequence[Choice], remark: str) -> Choice | None:
    """Value of a field, where it is given."""
    value = fields.get(name)
    found = next((each for each in known if each == value), None)
    if value is not None and found is None:
        hint = f"{', '.join(map(str, known))} ({remark}), or leave it out"
        raise InvalidInput([Finding((name,), f"unknown {name} {value[:80]!r}", hint)])
    return found


def _create(session: Session, *, file: KeptFile, name: str, intake: Intake) -> DatasetInfo:
    dataset = service.create(session, file, name=name, owner_id=intake.user.user_id, now=intake.now)
    return DatasetInfo.of(dataset, intake.user.name)
