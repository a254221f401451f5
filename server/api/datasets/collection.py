"""Data sets: listed, looked at, deleted."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import ColumnElement

from server.answers.datasets import ReportAnswer, listed_datasets, report_of
from server.answers.owners import owner_id_of
from server.api.pages import DEFAULT_LIMIT, After, Fields, Limit, Line, Page, with_fields
from server.dependencies import DATASET_ID, DatasetId, FeedUser, SessionDep
from server.http.errors.problems import responses
from server.schemas.dataset import DatasetInfo
from server.uploads.removal import RemovalDep
from tuning.datasets import service
from tuning.datasets.models import Dataset
from tuning.datasets.repository import Filter
from tuning.errors import Finding, InvalidInput
from tuning.people.directory import owner_is_seen
from tuning.people.queries import user_names

router = APIRouter(prefix="/datasets", tags=["datasets"])

MAX_CUTOFF_LEN = 2**31 - 1


async def seen_datasets(user: FeedUser) -> ColumnElement[bool]:
    """Condition: the data sets that the user may see."""
    return owner_is_seen(user, Dataset.owner_id)


SeenDep = Annotated[ColumnElement[bool], Depends(seen_datasets)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class DatasetQuery(BaseModel):
    """Filters of a list of data sets. An unknown name is an error: a misspelt filter would show everything."""

    model_config = ConfigDict(extra="forbid")

    q: Line | None = Field(default=None, description="A part of the name, or the beginning of an id.")
    owner: Line | None = Field(default=None, description="A user's name.")
    sha256: Sha256 | None = Field(
        default=None, description="Of the content: whether a file of JSON that is to be uploaded is here already."
    )
    limit: Limit = DEFAULT_LIMIT
    after: After = None
    fields: Fields = None


@router.get("", response_model=Page[DatasetInfo])
def list_datasets(
    session: SessionDep, seen: SeenDep, query: Annotated[DatasetQuery, Query()]
) -> Page[DatasetInfo] | Response:
    """All data sets that the user may see, the newest first: the lab's, unless its operator has it otherwise."""
    if query.after is not None and not re.fullmatch(DATASET_ID, query.after):
        raise InvalidInput([Finding(("query", "after"), "unknown cursor", "give the `next` of the page before")])
    owner_id = owner_id_of(session, query.owner) if query.owner is not None else None
    wanted = Filter(query.q, owner_id, query.sha256)
    page = service.list_page(session, query.limit, query.after, seen, wanted)
    shown = listed_datasets(session, page.datasets)
    found = Page[DatasetInfo](data=shown, has_more=page.next_cursor is not None, next=page.next_cursor)
    return with_fields(found, DatasetInfo, query.fields)


@router.get("/{dataset_id}", responses=responses(404))
def get_dataset(dataset_id: DatasetId, session: SessionDep, seen: SeenDep) -> DatasetInfo:
    """One data set."""
    dataset = service.get(session, dataset_id, seen)
    return DatasetInfo.of(dataset, user_names(session, [dataset.owner_id])[dataset.owner_id])


@router.get("/{dataset_id}/report", responses=responses(404, 409))
def get_report(
    dataset_id: DatasetId,
    session: SessionDep,
    seen: SeenDep,
    cutoff_len: Annotated[
        int | None,
        Query(ge=1, le=MAX_CUTOFF_LEN, description="Count the rows that are longer; the answer says in what."),
    ] = None,
) -> ReportAnswer:
    """A data set's report: rows that LLaMA-Factory trains on, rows it would drop and why, and contents of the rows."""
    return report_of(service.get_ready(session, dataset_id, seen), cutoff_len)


@router.delete("/{dataset_id}", status_code=204, responses=responses(403, 404, 409))
def delete_dataset(dataset_id: DatasetId, session: SessionDep, seen: SeenDep, removal: RemovalDep) -> None:
    """Take a data set off the list: one's own, or as an administrator anybody's. Refused while jobs wait for it.

    A check that has not ended is cancelled.
    """
    service.get(session, dataset_id, seen)  # of what may not be seen, nothing is said
    removal.remove(dataset_id)
