"""Route of the chat page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse

from server.answers.datasets import Previews, PreviewsDep
from server.dashboard.access import PageReader
from server.dashboard.chat.choices import Choices, Side, base_name, choices, chosen
from server.dashboard.chat.held_out import prompt_dataset
from server.dashboard.chat.prompts import Prompt, prompts_of
from server.dashboard.page import render
from server.dashboard.routes import PageRoute
from server.dependencies import NowDep, SessionsDep, in_transaction
from server.job_surroundings import Site, SiteDep, surroundings_of
from tuning.datasets.models import Dataset
from tuning.datasets.rows.preview import MAX_FIRST, Preview, PreviewQuery
from tuning.errors import PacktrainError
from tuning.models.names import MOST_CHARACTERS
from tuning.people.tokens import Principal

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_ROWS = 10
_Name = Annotated[str, Field(max_length=MOST_CHARACTERS)]


class ChatQuery(BaseModel):
    """Models and place of the rows, as in the address. Names that the page does not know are left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: _Name = ""
    """By default the newest result."""
    beside: _Name | None = None
    """By default the model that it was trained from; empty = none."""
    first: int = Field(default=1, ge=1, le=MAX_FIRST)


@dataclass(frozen=True)
class _Found:
    """Models of the page, and the data set whose rows are prompts."""

    choices: Choices
    model: Side
    beside: Side
    dataset: Dataset | None

    def address(self, first: int) -> str:
        """The page's address with rows from this one on."""
        return "/chat?" + urlencode({"model": self.model.name, "beside": self.beside.name, "first": first})


@dataclass(frozen=True)
class _Rows:
    """Prompts that are shown, or why there are none."""

    prompts: Sequence[Prompt] = ()
    has_more: bool = False
    problem: PacktrainError | None = None


@router.get("/chat")
async def show_chat(
    request: Request,
    sessions: SessionsDep,
    site: SiteDep,
    previews: PreviewsDep,
    reader: PageReader,
    now: NowDep,
    query: Annotated[ChatQuery, Query()],
) -> HTMLResponse:
    """Two models beside each other; nothing is asked of them, and none is started, before somebody writes."""
    find = partial(_found, site=site, reader=reader, query=query, now=now)
    found = await run_in_threadpool(in_transaction, sessions, find)
    try:
        rows = await _rows(request, previews, found.dataset, reader, query.first)
    except PacktrainError as error:
        rows = _Rows(problem=error)
    values: dict[str, Any] = {"found": found, "rows": rows, "first": query.first, "rows_a_page": _ROWS}
    return await run_in_threadpool(partial(render, request, "chat/page.html", **values))


async def _rows(request: Request, previews: Previews, dataset: Dataset | None, reader: Principal, first: int) -> _Rows:
    if dataset is None:
        return _Rows()
    content = await previews.read(request, dataset.id, reader, PreviewQuery(count=_ROWS, first=first))
    preview = Preview.model_validate_json(content)
    return _Rows(prompts_of(preview, dataset.entry), preview.has_more)


def _found(session: Session, *, site: Site, reader: Principal, query: ChatQuery, now: datetime) -> _Found:
    around = surroundings_of(session, site, reader, now, stored=False)
    lists = choices(session, site.clusters, reader)
    model = chosen(session, query.model or lists.usual, around, reader, lists.names)
    other = query.beside if query.beside is not None else base_name(session, model.ref, around, reader)
    beside = chosen(session, other, around, reader, lists.names)
    jobs = [side.ref.job_id for side in (model, beside) if side.ref is not None]
    used = (prompt_dataset(session, job_id, reader) for job_id in jobs)
    return _Found(lists, model, beside, next((each for each in used if each is not None), None))
