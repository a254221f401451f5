"""The first rows of a data set: as they are in the file, and as a model would see them."""

from functools import partial
from typing import Annotated, BinaryIO

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from server.api.datasets.collection import DatasetId, StoreDep
from server.dependencies import FeedUser, FileChecksDep, SessionsDep, in_transaction
from server.http.problems import responses
from tuning.datasets import service
from tuning.datasets.bounded_check import BoundedCheck
from tuning.datasets.models import Dataset
from tuning.datasets.preview import Preview, PreviewQuery, PreviewSource
from tuning.datasets.store import ContentStore
from tuning.people.directory import owner_is_seen

router = APIRouter(prefix="/datasets", tags=["datasets"])
"""Apart, since it holds no session of the database while rows are read."""


@router.get("/{dataset_id}/preview", response_model=Preview, responses=responses(404, 409, 503))
async def get_preview(
    dataset_id: DatasetId,
    request: Request,
    user: FeedUser,
    sessions: SessionsDep,
    store: StoreDep,
    checks: FileChecksDep,
    wish: Annotated[PreviewQuery, Query()],
) -> Response:
    """The first rows (of very long ones, as many as the file's first 4 MiB hold, and 64 KiB
    of a file that lies on a cluster).

    With `template` each also as the text that supervised fine-tuning reads, and which of it is trained on; nothing is
    cut off at `cutoff_len`, which counts tokens.
    """
    find = partial(_found, dataset_id=dataset_id, seen=owner_is_seen(user, Dataset.owner_id), store=store, wish=wish)
    dataset, stream = await run_in_threadpool(in_transaction, sessions, find)
    with stream:
        make = partial(_shown, stream=stream, dataset=dataset, wish=wish)
        shown = await checks.run(request, checks.previewing, (user.user_id, dataset.name), make)
    return Response(shown, media_type="application/json")


def _found(
    session: Session, *, dataset_id: str, seen: ColumnElement[bool], store: ContentStore, wish: PreviewQuery
) -> tuple[Dataset, BinaryIO]:
    dataset = service.get_ready(session, dataset_id, seen)
    wish.found_template()  # what is wrong with the wish is told at once
    return dataset, service.open_content(store, dataset)


def _shown(check: BoundedCheck, *, stream: BinaryIO, dataset: Dataset, wish: PreviewQuery) -> bytes:
    return check.preview(stream, PreviewSource(dataset.extension, dataset.format, dataset.entry), wish)
