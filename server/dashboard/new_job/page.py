"""Route of the page for new jobs."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse

from server.dashboard.access import PageReader
from server.dashboard.new_job.choices import cluster_choices, limit_lines, recipe_choices, secret_names
from server.dashboard.new_job.start import Start, StartDep, datasets_to_choose, start_of
from server.dashboard.page import render
from server.dashboard.routes import PageRoute
from server.dependencies import NowDep, SessionDep
from server.job_surroundings import SiteDep, highest_priority
from tuning.jobs.search.order import Sort
from tuning.jobs.search.page import Filter, list_jobs
from tuning.jobs.sight import sight_of
from tuning.people.tokens import Principal

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_MOST_DATASETS, _MOST_JOBS = 8, 8


@router.get("/jobs/new")
def new_job(
    request: Request, session: SessionDep, site: SiteDep, reader: PageReader, now: NowDep, asked: StartDep
) -> HTMLResponse:
    """The form, filled as the address asks for."""
    start = start_of(session, asked, reader, site.settings)
    own = Filter(owner_id=reader.user_id, sight=sight_of(reader))
    return render(
        request,
        "new_job/page.html",
        start=start,
        values=start.request,
        clusters=cluster_choices(session, site.clusters, site.views),
        recipes=recipe_choices(),
        older=list_jobs(session, own, Sort.NEWEST, None, _MOST_JOBS).jobs,
        limits=limit_lines(session, reader, now),
        secrets=secret_names(session, reader),
        highest_priority=highest_priority(reader, site.settings),
        block=_block(session, start, reader),
    )


def _block(session: Session, start: Start, reader: Principal) -> dict[str, Any]:
    """Values for the page's script."""
    chosen = [dataset.model_dump(mode="json") for dataset in start.datasets]
    newest = [dataset.model_dump(mode="json") for dataset in datasets_to_choose(session, reader, _MOST_DATASETS)]
    return {"text": start.text, "request": start.request, "chosen": chosen, "newest": newest}
