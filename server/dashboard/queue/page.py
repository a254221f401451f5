"""Routes of the queue page."""

from collections.abc import Hashable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from server.dashboard.access import PageReader
from server.dashboard.page import render
from server.dashboard.queue.filters import FiltersQuery, QueueFilters
from server.dashboard.queue.view import QueueRequest, filtered_jobs, queue_parts, queue_request
from server.dashboard.renewal import RenewalDep
from server.dashboard.routes import FragmentRoute, PageRoute
from server.dependencies import ClustersDep, FeedDep, SessionDep
from tuning.jobs.sight import sight_of
from tuning.people.tokens import Principal

renewal = APIRouter(route_class=FragmentRoute, include_in_schema=False)
router = APIRouter(route_class=PageRoute, include_in_schema=False)
TEMPLATE = "queue/page.html"


@renewal.get("/")
async def renew_queue(
    renewal: RenewalDep, feed: FeedDep, clusters: ClustersDep, reader: PageReader, filters: FiltersQuery
) -> Response:
    """The content alone, which all who see the same share until something happens."""
    return await renewal.answer(
        TEMPLATE,
        shown_to(reader, filters),
        feed.events.newest,
        lambda session: _values(queue_request(session, feed, clusters, reader, filters)),
    )


@router.get("/")
def show_queue(
    request: Request,
    session: SessionDep,
    feed: FeedDep,
    clusters: ClustersDep,
    reader: PageReader,
    filters: FiltersQuery,
) -> Response:
    """The queue."""
    return render(request, TEMPLATE, **_values(queue_request(session, feed, clusters, reader, filters)))


def shown_to(reader: Principal, filters: QueueFilters) -> Hashable:
    """All of a reader and of an address on which the content depends."""
    return sight_of(reader), filters


def _values(asked: QueueRequest) -> dict[str, Any]:
    shown = filtered_jobs(asked) if asked.filters.is_list else queue_parts(asked)
    return {"filters": asked.filters, "shown": shown, "all_clusters": asked.all_clusters}
