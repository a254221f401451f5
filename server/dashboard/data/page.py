"""Route of the page of a data set: its report, and its rows as a model sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse

from server.answers.datasets import PreviewsDep, ReportAnswer, report_of
from server.dashboard.access import PageReader
from server.dashboard.data.histogram import draw
from server.dashboard.data.rows import ShownRow, shown_rows
from server.dashboard.page import render
from server.dashboard.routes import PageRoute
from server.dependencies import DatasetId, SessionsDep, in_transaction
from server.schemas.dataset import DatasetInfo
from tuning.datasets import service
from tuning.datasets.models import Dataset
from tuning.datasets.rows.preview import MAX_FIRST, Preview, PreviewQuery
from tuning.datasets.status import DatasetStatus
from tuning.errors import PacktrainError
from tuning.jobs.models import Job
from tuning.jobs.queries.use.dataset_use import newest_users
from tuning.jobs.sight import sight_of
from tuning.llamafactory.arguments.accepted import load_schema
from tuning.people.directory import owner_is_seen
from tuning.people.queries import user_names
from tuning.people.tokens import Principal

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_ROWS = 10
_MOST_JOBS = 10
_USUAL_CUTOFF = 2048


class RowsQuery(BaseModel):
    """Template and place of the rows that are shown, as in the address. Names that the page does not know are left."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    template: str = Field(default="", max_length=64, pattern=r"^[A-Za-z0-9_.-]*$")
    first: int = Field(default=1, ge=1, le=MAX_FIRST)
    mask_history: bool = False
    train_on_prompt: bool = False
    cutoff_len: int = Field(default=_USUAL_CUTOFF, ge=1, le=2**31 - 1)

    def query(self) -> PreviewQuery:
        """The preview that is wanted."""
        flags = {"mask_history": self.mask_history, "train_on_prompt": self.train_on_prompt}
        return PreviewQuery(count=_ROWS, first=self.first, template=self.template or None, **flags)

    def address(self, **changes: Any) -> str:
        """The query with these changes, as far as it is not the usual one."""
        usual, values = RowsQuery().model_dump(), {**self.model_dump(), **changes}
        return "?" + urlencode({name: value for name, value in values.items() if value != usual[name]})


@dataclass(frozen=True)
class _Found:
    """A data set with all that the database tells of it."""

    dataset: DatasetInfo
    report: ReportAnswer | None
    jobs: Sequence[Job]
    may_delete: bool


@router.get("/data/{dataset_id}")
async def show_data(
    dataset_id: DatasetId,
    request: Request,
    sessions: SessionsDep,
    previews: PreviewsDep,
    reader: PageReader,
    rows_query: Annotated[RowsQuery, Query()],
) -> HTMLResponse:
    """One data set."""
    find = partial(_found, dataset_id=dataset_id, reader=reader, cutoff_len=rows_query.cutoff_len)
    found = await run_in_threadpool(in_transaction, sessions, find)
    rows, has_more, problem = list[ShownRow](), False, None
    if found.report is not None:
        try:
            preview = Preview.model_validate_json(await previews.read(request, dataset_id, reader, rows_query.query()))
            rows, has_more = shown_rows(preview), preview.has_more
        except PacktrainError as error:
            problem = error
    values = {"rows": rows, "has_more": has_more, "problem": problem, "rows_a_page": _ROWS}
    return await run_in_threadpool(_rendered, request, found, rows_query, values)


def _rendered(request: Request, found: _Found, rows_query: RowsQuery, values: dict[str, Any]) -> HTMLResponse:
    report = found.report
    lengths = (report.tokens or report.characters) if report is not None else None
    return render(
        request,
        "data/page.html",
        found=found,
        dataset=found.dataset,
        report=report,
        lengths=lengths,
        drawing=draw(lengths.histogram, rows_query.cutoff_len) if lengths is not None else None,
        rows_query=rows_query,
        templates=load_schema().templates,
        **values,
    )


def _found(session: Session, *, dataset_id: str, reader: Principal, cutoff_len: int) -> _Found:
    dataset = service.get(session, dataset_id, owner_is_seen(reader, Dataset.owner_id))
    owner = user_names(session, [dataset.owner_id])[dataset.owner_id]
    report = report_of(dataset, cutoff_len) if dataset.status is DatasetStatus.READY else None
    jobs = newest_users(session, dataset_id, sight_of(reader), _MOST_JOBS)
    return _Found(DatasetInfo.of(dataset, owner), report, jobs, reader.may_change(dataset.owner_id))
