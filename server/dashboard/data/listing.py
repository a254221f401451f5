"""Route of the page of all data sets."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse

from server.answers.datasets import listed_datasets
from server.dashboard.access import PageReader
from server.dashboard.page import render
from server.dashboard.routes import PageRoute
from server.dependencies import SessionDep
from server.schemas.dataset import DatasetInfo
from tuning.datasets import service
from tuning.datasets.models import Dataset
from tuning.datasets.repository import Filter
from tuning.datasets.status import DatasetStatus
from tuning.jobs.queries.use.dataset_use import MOST_COUNTED, use_counts
from tuning.people.directory import owner_is_seen
from tuning.people.queries import user_by_name
from tuning.people.tokens import Principal

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_PAGE = 50
_Word = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class DataFilters(BaseModel):
    """Filters of the page, as they stand in its address. Names that it does not know are left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    q: _Word = ""
    owner: _Word = ""
    after: str = Field(default="", pattern=r"^(ds_[a-z0-9]{1,28})?$")

    def address(self, **changes: Any) -> str:
        """The page's address with these filters."""
        values = {**self.model_dump(), **changes}
        return "/data?" + urlencode({name: value for name, value in values.items() if value})


@dataclass(frozen=True)
class DataRow:
    """A data set in the list, and the number of jobs that used it."""

    dataset: DatasetInfo
    uses: int


@router.get("/data")
def list_data(
    request: Request, session: SessionDep, reader: PageReader, filters: Annotated[DataFilters, Query()]
) -> HTMLResponse:
    """Data sets that the reader may see, the newest first."""
    rows, next_ = _rows(session, reader, filters)
    return render(
        request,
        "data/list.html",
        filters=filters,
        rows=rows,
        next=next_,
        most_counted=MOST_COUNTED,
        is_checking=any(row.dataset.status is DatasetStatus.CHECKING for row in rows),
    )


def _rows(session: Session, reader: Principal, filters: DataFilters) -> tuple[list[DataRow], str | None]:
    owner = user_by_name(session, filters.owner) if filters.owner else None
    if filters.owner and owner is None:
        return [], None
    wanted = Filter(filters.q.strip() or None, owner.id if owner is not None else None)
    seen = owner_is_seen(reader, Dataset.owner_id)
    page = service.list_page(session, _PAGE, filters.after or None, seen, wanted)
    uses = use_counts(session, [dataset.id for dataset in page.datasets])
    shown = listed_datasets(session, page.datasets)
    return [DataRow(dataset, uses.get(dataset.id, 0)) for dataset in shown], page.next_cursor
