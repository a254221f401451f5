"""Routes of the page of a job."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from server.answers.jobs import found_job
from server.dashboard.access import PageReader
from server.dashboard.job.view import Sources, job_view
from server.dashboard.page import render
from server.dashboard.renewal import RenewalDep
from server.dashboard.routes import FragmentRoute, PageRoute
from server.dependencies import ClustersDep, FeedDep, JobId, SessionDep, ViewsDep
from tuning.jobs.queries.feed import JobState
from tuning.jobs.sight import sight_of
from tuning.people.scopes import Scope
from tuning.people.tokens import Principal

renewal = APIRouter(route_class=FragmentRoute, include_in_schema=False)
router = APIRouter(route_class=PageRoute, include_in_schema=False)
_TEMPLATE = "job/page.html"

Attempt = Annotated[int | None, Query(ge=1, le=100_000)]


SourcesOf = Callable[[Session], Sources]


async def get_sources_of(feed: FeedDep, clusters: ClustersDep, views: ViewsDep, reader: PageReader) -> SourcesOf:
    """For the routes: the sources of the values, once there is a session."""
    return lambda session: Sources(session, feed, clusters, views, reader)


SourcesOfDep = Annotated[SourcesOf, Depends(get_sources_of)]


@renewal.get("/jobs/{job_id}")
async def renew_job(
    renewal: RenewalDep,
    job_id: JobId,
    feed: FeedDep,
    reader: PageReader,
    sources_of: SourcesOfDep,
    attempt: Attempt = None,
) -> Response:
    """The content alone, which all who see and may do the same share. Raises NotFound."""
    job = (await feed.seen_entry(reader, job_id)).state

    def values(session: Session) -> dict[str, Any]:
        return {"view": job_view(sources_of(session), found_job(session, job_id, reader), attempt)}

    changed = (job.version, feed.events.newest)
    return await renewal.answer(_TEMPLATE, (job_id, attempt, _reach(reader, job)), changed, values)


@router.get("/jobs/{job_id}")
def show_job(
    request: Request,
    job_id: JobId,
    session: SessionDep,
    reader: PageReader,
    sources_of: SourcesOfDep,
    attempt: Attempt = None,
) -> Response:
    """A job. Raises NotFound."""
    job = found_job(session, job_id, reader)
    return render(request, _TEMPLATE, view=job_view(sources_of(session), job, attempt))


def _reach(reader: Principal, job: JobState) -> tuple[object, ...]:
    """Everything of a reader on which the content depends."""
    may_change = reader.may_change(job.owner_id, job.team_id)
    return sight_of(reader), may_change, reader.scope.includes(Scope.SUBMIT)
