"""Routes of the clusters page."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from server.dashboard.access import PageReader
from server.dashboard.clusters.view import clusters_on_page
from server.dashboard.page import render
from server.dashboard.renewal import RenewalDep
from server.dashboard.routes import FragmentRoute, PageRoute
from server.dependencies import ClustersDep, FeedDep, NowDep, SessionDep
from tuning.jobs.sight import sight_of

renewal = APIRouter(route_class=FragmentRoute, include_in_schema=False)
router = APIRouter(route_class=PageRoute, include_in_schema=False)
_TEMPLATE = "clusters/page.html"


@renewal.get("/clusters")
async def renew_clusters(
    renewal: RenewalDep, feed: FeedDep, clusters: ClustersDep, now: NowDep, reader: PageReader
) -> Response:
    """The content alone: the same for all who see the same jobs."""
    settings = [clusters[name] for name in sorted(clusters)]
    return await renewal.answer(
        _TEMPLATE,
        sight_of(reader),
        None,
        lambda session: {"clusters": clusters_on_page(session, feed, settings, now, reader)},
    )


@router.get("/clusters")
def show_clusters(
    request: Request, session: SessionDep, feed: FeedDep, clusters: ClustersDep, now: NowDep, reader: PageReader
) -> Response:
    """Every cluster of the settings."""
    settings = [clusters[name] for name in sorted(clusters)]
    return render(request, _TEMPLATE, clusters=clusters_on_page(session, feed, settings, now, reader))
