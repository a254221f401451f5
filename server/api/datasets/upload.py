"""A new data set: uploaded, or found on a cluster."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any, TypeVar, get_args

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from python_multipart.multipart import parse_options_header
from sqlalchemy.orm import Session, sessionmaker
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from server.api.datasets.collection import StoreDep
from server.api.datasets.upload_form import UploadForm
from server.dependencies import NowDep, UploadingDep, UploadUser, in_transaction
from server.file_checks import FileChecks
from server.http.findings import from_pydantic
from server.http.problems import responses
from server.http.routing import has_body
from server.schemas.dataset import DatasetInfo
from tuning.datasets import service
from tuning.datasets.check.layouts.formats import Formatting, Purpose, Wanted
from tuning.datasets.check.layouts.given_entry import given_layout
from tuning.datasets.service import KeptFile, Quota
from tuning.datasets.store import ContentStore, ContentTooLarge, Incoming
from tuning.datasets.unused_contents import collect_unused
from tuning.errors import Finding, InvalidInput
from tuning.jobs.actions.dataset_limits import dataset_room, require_within_limits
from tuning.jobs.data_check.create import CheckSites, check_dataset
from tuning.jobs.data_check.spec import ClusterDataset
from tuning.jobs.queries.dataset_use import IN_USE
from tuning.people.tokens import Principal
from tuning.settings import Settings

router = APIRouter(prefix="/datasets", tags=["datasets"])
"""Apart, since it must not hold a session of the database for the hours that an upload may take."""

_FIELDS = frozenset({"name", "format", "purpose", "entry"})
_ENTRY_HINT = 'write what dataset_info.json has for it: {"columns": {"prompt": "question", "response": "answer"}}'
_KINDS = (
    "the header Content-Type says neither multipart/form-data (a file in the field `file`) nor application/json "
    "(`cluster_path` of a file on a cluster)"
)
_MAX_JSON_BYTES = 64 * 1024
_UPLOAD_SCHEMA = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "JSON lines, one JSON array, CSV, text (.txt; all as UTF-8), or Parquet; "
                            "or a tar or zip of one of these with the images, videos and audios that its rows name.",
                        },
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
                            "description": "LLaMA-Factory's entry for it, as JSON: formatting, columns, tags, ranking, "
                            "num_samples. By default all is found out.",
                        },
                    },
                }
            },
            "application/json": {"schema": ClusterDataset.model_json_schema()},
        },
    }
}
Choice = TypeVar("Choice", bound=str)


@router.post("", status_code=201, responses=responses(409, 507), openapi_extra=_UPLOAD_SCHEMA)
async def add_dataset(
    request: Request,
    response: Response,
    store: StoreDep,
    uploading: UploadingDep,
    now: NowDep,
    user: UploadUser,
) -> DatasetInfo:
    """Upload a data set: it is checked line by line as LLaMA-Factory would read it, and kept once per content.

    What would crash the job is refused, with its lines; what LLaMA-Factory would drop is kept and told in the report.

    With a JSON body the file is one that lies on a cluster: the answer is a data set that is `checking`, by the job in
    `check_job`, and becomes `ready` or `refused`.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind == b"application/json":
        begin = partial(_begin_check, state=request.app.state, wanted=await _read_json(request), user=user, now=now)
        made = await run_in_threadpool(in_transaction, request.app.state.sessions, begin)
    elif kind != b"multipart/form-data" and has_body(request.scope):
        # the body is not read: the connection cannot be used for another request
        raise HTTPException(415, _KINDS, {"Connection": "close"})
    else:
        boundary = options.get(b"boundary") if kind == b"multipart/form-data" else None
        with uploading.place(user.user_id):
            made = await _upload(request, boundary, store, user, now)
    response.headers["Location"] = f"{request.url.path}/{made.id}"
    return made


async def _upload(
    request: Request, boundary: bytes | None, store: ContentStore, user: Principal, now: datetime
) -> DatasetInfo:
    sessions: sessionmaker[Session] = request.app.state.sessions
    await run_in_threadpool(in_transaction, sessions, partial(collect_unused, store=store, in_use=IN_USE, now=now))
    quota = _quota(request.app.state.settings)
    room = partial(_room, user=user, quota=quota, now=now)
    room_bytes = await run_in_threadpool(in_transaction, sessions, room)
    checks: FileChecks = request.app.state.file_checks
    with checks.until_stop(), await run_in_threadpool(store.receive, room_bytes) as incoming:
        form = await _receive(request, boundary, incoming)
        name = service.check_name(form.fields.get("name") or PurePosixPath(form.filename or "").stem or "data")
        wanted = _wanted(form.fields)
        keep = partial(service.keep, store, incoming, wanted, file_name=form.filename or "")
        file = await checks.run(request, checks.checking, (user.user_id, form.filename or name), keep)
    make = partial(_create, file=file, name=name, user=user, now=now, quota=quota)
    return await run_in_threadpool(in_transaction, sessions, make)


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


def _begin_check(
    session: Session, *, state: State, wanted: ClusterDataset, user: Principal, now: datetime
) -> DatasetInfo:
    _room(session, user=user, quota=_quota(state.settings), now=now)
    sites = CheckSites(state.clusters, partial(state.views.view, session))
    return DatasetInfo.of(check_dataset(session, wanted, sites, user, now), user.name)


async def _receive(request: Request, boundary: bytes | None, incoming: Incoming) -> UploadForm:
    form = UploadForm(boundary, incoming, _FIELDS)
    try:
        async for chunk in request.stream():
            await run_in_threadpool(form.feed, chunk)
    except ContentTooLarge as error:
        # the rest is not read: the connection cannot be used for another request
        raise HTTPException(413, str(error), {"Connection": "close"}) from error
    except ClientDisconnect as error:
        raise InvalidInput([Finding(("file",), "the upload broke off; nothing was kept", "send it again")]) from error
    form.finish()
    return form


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


def _room(session: Session, *, user: Principal, quota: Quota, now: datetime) -> int:
    """Bytes that may come in, by the quota of each person and by limits. Raises Conflict, StorageFull."""
    room_bytes = service.room_for(session, user.user_id, quota, IN_USE)
    return int(min(room_bytes, dataset_room(session, user, now)))


def _quota(settings: Settings) -> Quota:
    return Quota(settings.datasets_per_person, settings.kept_bytes_per_person)


def _create(
    session: Session, *, file: KeptFile, name: str, user: Principal, now: datetime, quota: Quota
) -> DatasetInfo:
    service.room_for(session, user.user_id, quota, IN_USE)  # others of the same person may have come in meanwhile
    dataset = service.create(session, file, name=name, owner_id=user.user_id, now=now)
    require_within_limits(session, user, now)
    return DatasetInfo.of(dataset, user.name)
