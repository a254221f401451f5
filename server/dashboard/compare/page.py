"""Route of the comparison page."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from server.answers.jobs import found_job, listed
from server.dashboard.access import PageReader
from server.dashboard.compare.differences import differences
from server.dashboard.page import render
from server.dashboard.routes import PageRoute
from server.dependencies import FeedDep, SessionDep
from server.schemas.job import JobJson
from tuning.jobs.search.order import Sort
from tuning.jobs.search.page import Filter, list_jobs
from tuning.jobs.sight import sight_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
MOST_COMPARED = 8
_OFFERED = 30
_TRAINING = "train"
_JobIds = Annotated[list[Annotated[str, Query(max_length=32)]], Query(default_factory=list, max_length=MOST_COMPARED)]


@router.get("/compare")
def compare_jobs(
    request: Request,
    session: SessionDep,
    feed: FeedDep,
    reader: PageReader,
    job: _JobIds,
    q: str = "",
) -> HTMLResponse:
    """Up to eight runs beside each other, and others to choose from."""
    jobs = listed(session, [found_job(session, job_id, reader) for job_id in dict.fromkeys(job)], feed)
    wanted = Filter(kind=_TRAINING, text=q[:200] or None, sight=sight_of(reader))
    offered = list_jobs(session, wanted, Sort.NEWEST, None, _OFFERED).jobs
    return render(
        request,
        "compare/page.html",
        jobs=jobs,
        differences=differences([_settings(each) for each in jobs]),
        offered=[each for each in offered if each.id not in job],
        most=MOST_COMPARED,
        q=q[:200],
    )


def _settings(job: JobJson) -> dict[str, Any]:
    """Configuration, data and resources by which runs differ."""
    record = job.record.model_dump(mode="json", include={"dataset_sha256s", "seed", "llamafactory_version"})
    resources = job.resources.model_dump(mode="json", exclude_none=True)
    return {**job.config, "datasets": job.datasets, "record": record, "resources": resources}
