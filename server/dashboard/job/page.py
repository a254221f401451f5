"""Route of the page of a job."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from server.answers.jobs import found_job
from server.dashboard.access import PageReader
from server.dashboard.fragments import SharedFragments
from server.dashboard.job.view import Sources, job_view
from server.dashboard.page import is_fragment, language_of_request, render, rendered
from server.dashboard.routes import PageRoute
from server.dependencies import ClustersDep, FeedDep, JobId, SessionDep, ViewsDep
from tuning.jobs.models import Job
from tuning.jobs.sight import sight_of
from tuning.people.scopes import Scope
from tuning.people.tokens import Principal

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_TEMPLATE = "job/page.html"

Attempt = Annotated[int | None, Query(ge=1, le=100_000)]


async def get_sources(
    session: SessionDep, feed: FeedDep, clusters: ClustersDep, views: ViewsDep, reader: PageReader
) -> Sources:
    """For the route."""
    return Sources(session, feed, clusters, views, reader)


@router.get("/jobs/{job_id}")
def show_job(
    request: Request, job_id: JobId, sources: Annotated[Sources, Depends(get_sources)], attempt: Attempt = None
) -> Response:
    """A job; for the page's script its content alone, which all who see and may do the same share."""
    job = found_job(sources.session, job_id, sources.reader)
    if not is_fragment(request):
        return render(request, _TEMPLATE, view=job_view(sources, job, attempt))
    fragments = cast(SharedFragments, request.app.state.fragments)
    changed = (job.version, sources.feed.events.newest)
    key = ("job", job_id, attempt, changed, _reach(sources.reader, job), language_of_request(request))
    return fragments.get(key, lambda: rendered(request, _TEMPLATE, view=job_view(sources, job, attempt))).answer(
        request
    )


def _reach(reader: Principal, job: Job) -> tuple[object, ...]:
    """Everything of a reader on which the content depends."""
    may_change = reader.may_change(job.owner_id, job.team_id)
    return sight_of(reader), may_change, reader.scope.includes(Scope.SUBMIT)
