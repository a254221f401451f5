"""Route of the clusters page."""

from typing import cast

from fastapi import APIRouter, Request
from starlette.responses import Response

from server.dashboard.access import PageReader
from server.dashboard.clusters.view import clusters_on_page
from server.dashboard.fragments import SharedFragments
from server.dashboard.page import is_fragment, language_of_request, render, rendered
from server.dashboard.routes import PageRoute
from server.dependencies import ClustersDep, FeedDep, NowDep, SessionDep
from tuning.jobs.sight import sight_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_TEMPLATE = "clusters/page.html"


@router.get("/clusters")
def show_clusters(
    request: Request, session: SessionDep, feed: FeedDep, clusters: ClustersDep, now: NowDep, reader: PageReader
) -> Response:
    """Every cluster of the settings; what the page's script asks for is the same for all who see the same jobs."""
    settings = [clusters[name] for name in sorted(clusters)]
    if not is_fragment(request):
        return render(request, _TEMPLATE, clusters=clusters_on_page(session, feed, settings, now, reader))
    fragments = cast(SharedFragments, request.app.state.fragments)
    key = ("clusters", sight_of(reader), language_of_request(request))

    def made() -> str:
        return rendered(request, _TEMPLATE, clusters=clusters_on_page(session, feed, settings, now, reader))

    return fragments.get(key, made).answer(request)
