"""Files of OpenAI's API: listed, looked at, read, deleted."""

from collections.abc import Iterator
from typing import Annotated, BinaryIO, Literal

from fastapi import APIRouter, Depends, Query
from sqlalchemy import ColumnElement
from starlette.responses import Response, StreamingResponse

from server.dependencies import CurrentUser, FeedUser, NowDep, SessionDep, StoreDep
from server.openai.files.schema import FINE_TUNE, DeletedObject, FileObject
from server.openai.ids import dataset_id_of, file_id_of, is_result_file, job_id_of_result_file
from server.openai.pages import ItemList, item_list
from server.openai.result_file import result_csv, result_file
from server.uploads.removal import RemovalDep
from tuning.datasets import repository, service
from tuning.datasets.models import Dataset
from tuning.errors import Conflict, Finding, InvalidInput, NotFound

router = APIRouter()

MOST_LISTED = 500
"""Of one page, however many are asked for: OpenAI's clients ask for 10,000, and go on behind the last."""
_PIECE_BYTES = 256 * 1024


async def own_files(user: FeedUser, now: NowDep) -> ColumnElement[bool]:
    """Condition: the user's own data sets. An id of another person's is unknown, whatever the lab lets people see."""
    return (Dataset.owner_id == user.user_id) & repository.is_kept_at(now)


OwnFilesDep = Annotated[ColumnElement[bool], Depends(own_files)]


@router.get("/files")
def list_files(
    session: SessionDep,
    own: OwnFilesDep,
    after: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    order: Literal["asc", "desc"] = "desc",
    purpose: Annotated[str | None, Query(max_length=100)] = None,
) -> ItemList[FileObject]:
    """The user's own files, the newest first unless told otherwise. Result files hang on their jobs."""
    if purpose not in (None, FINE_TUNE):
        return item_list(list[FileObject](), has_more=False)
    cursor = repository.at_cursor(session, dataset_id_of(after)) if after is not None else None
    if after is not None and cursor is None:
        raise InvalidInput([Finding(("query", "after"), f"there is no file {after[:80]!a}")])
    most = min(limit, MOST_LISTED)
    found = repository.page(session, most + 1, cursor, own, oldest_first=order == "asc")
    files = [FileObject.of(dataset, file_id_of(dataset.id)) for dataset in found[:most]]
    return item_list(files, has_more=len(found) > most)


@router.get("/files/{file_id}")
def retrieve_file(file_id: str, session: SessionDep, own: OwnFilesDep, user: CurrentUser) -> FileObject:
    """One file."""
    if is_result_file(file_id):
        return result_file(session, job_id_of_result_file(file_id), user)
    return FileObject.of(_dataset(session, file_id, own), file_id)


@router.get("/files/{file_id}/content")
def read_file(file_id: str, session: SessionDep, own: OwnFilesDep, user: CurrentUser, store: StoreDep) -> Response:
    """The rows of a data set as they are kept, or a job's metrics by step."""
    if is_result_file(file_id):
        return Response(result_csv(session, job_id_of_result_file(file_id), user), media_type="text/csv")
    dataset = _dataset(session, file_id, own)
    if dataset.cluster is not None:
        raise Conflict(f"{file_id} lies on the cluster {dataset.cluster}, and is not kept here")
    return StreamingResponse(_pieces(service.open_file(store, dataset)), media_type="application/octet-stream")


@router.delete("/files/{file_id}")
def delete_file(
    file_id: str, session: SessionDep, own: OwnFilesDep, user: CurrentUser, removal: RemovalDep
) -> DeletedObject:
    """Take a file off the list. Refused while jobs wait for it, and for what a job measured."""
    if is_result_file(file_id):
        result_file(session, job_id_of_result_file(file_id), user)
        raise Conflict(f"{file_id} belongs to its job", hint="it goes when the job is deleted")
    removal.remove(_dataset(session, file_id, own).id)
    return DeletedObject(id=file_id, object="file")


def _dataset(session: SessionDep, file_id: str, own: ColumnElement[bool]) -> Dataset:
    """Raises NotFound."""
    dataset = repository.find(session, dataset_id_of(file_id), own)
    if dataset is None:
        raise NotFound(f"there is no file {file_id}")
    return dataset


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    with stream:
        while piece := stream.read(_PIECE_BYTES):
            yield piece
