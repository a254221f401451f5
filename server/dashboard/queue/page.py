"""Route of the queue page."""

from typing import Any, cast

from fastapi import APIRouter, Request
from starlette.responses import Response

from server.dashboard.access import PageReader
from server.dashboard.fragments import SharedFragments
from server.dashboard.page import is_fragment, language_of_request, render, rendered
from server.dashboard.queue.filters import FiltersQuery
from server.dashboard.queue.view import QueueRequest, filtered_jobs, queue_parts, queue_request
from server.dashboard.routes import PageRoute
from server.dependencies import ClustersDep, FeedDep, SessionDep
from tuning.jobs.sight import sight_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_TEMPLATE = "queue/page.html"


@router.get("/")
def show_queue(
    request: Request,
    session: SessionDep,
    feed: FeedDep,
    clusters: ClustersDep,
    reader: PageReader,
    filters: FiltersQuery,
) -> Response:
    """The queue; for the page's script its content alone, which all who see the same share until something happens."""
    asked = queue_request(session, feed, clusters, reader, filters)
    if not is_fragment(request):
        return render(request, _TEMPLATE, **_values(asked))
    key = (sight_of(reader), filters, language_of_request(request), feed.events.newest)
    fragments = cast(SharedFragments, request.app.state.fragments)
    return fragments.get(key, lambda: rendered(request, _TEMPLATE, **_values(asked))).answer(request)


def _values(asked: QueueRequest) -> dict[str, Any]:
    shown = filtered_jobs(asked) if asked.filters.is_list else queue_parts(asked)
    return {"filters": asked.filters, "shown": shown, "all_clusters": asked.all_clusters}
