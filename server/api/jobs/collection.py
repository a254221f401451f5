"""Jobs: asked for, listed, shown, changed."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.orm import Session

from server.answers.job_changes import JobChangesDep
from server.answers.jobs import found_job, listed, shown
from server.answers.owners import owner_id_of
from server.api.jobs.new_jobs import CREATED, NewJobsDep
from server.api.pages import DEFAULT_LIMIT, After, Fields, Limit, Line, Moment, Page, with_fields
from server.clusters.checkout_texts import read_checkout_texts
from server.dependencies import (
    ClusterFilesDep,
    ClustersDep,
    CurrentUser,
    FeedDep,
    JobId,
    SessionDep,
    SettingsDep,
)
from server.http.errors.problems import responses
from server.job_surroundings import SiteDep, highest_priority
from server.schemas.job import JobJson
from tuning.errors import Finding, InvalidInput
from tuning.jobs.actions import create
from tuning.jobs.request.spec import JobChange, JobRequest
from tuning.jobs.search.order import Sort
from tuning.jobs.search.page import Filter, list_jobs
from tuning.jobs.sight import EVERY_JOB, Sight, sight_of
from tuning.jobs.status import JobStatus
from tuning.llamafactory.kinds import JobKind
from tuning.people.directory import team_by_name

router = APIRouter(prefix="/jobs", tags=["jobs"])

Tag = Annotated[str, StringConstraints(pattern=r"^[^:\x00-\x1f\x7f]{1,64}:[^\x00-\x1f\x7f]{0,512}$")]


class JobQuery(BaseModel):
    """Filters and order of a list of jobs. An unknown name is an error: a misspelt filter would show everything."""

    model_config = ConfigDict(extra="forbid")

    status: list[JobStatus] = Field(default_factory=list, description="Any of these.")
    kind: JobKind | None = None
    owner: Line | None = Field(default=None, description="A user's name.")
    team: Line | None = Field(default=None, description="A team's name.")
    cluster: Line | None = None
    tag: list[Tag] = Field(default_factory=list, max_length=20, description="`key:value`; all of these.")
    q: Line | None = Field(
        default=None, description="A part of the name, the beginning of a job's id, or Slurm's number."
    )
    created_after: Moment | None = None
    created_before: Moment | None = None
    sort: Sort = Sort.NEWEST
    limit: Limit = DEFAULT_LIMIT
    after: After = None
    fields: Fields = None

    def filter(self, owner_id: str | None, team_id: str | None = None, sight: Sight = EVERY_JOB) -> Filter:
        """The filters for the database, which knows owners and teams by id."""
        tags = [(key, value) for key, _, value in (text.partition(":") for text in self.tag)]
        times = (self.created_after, self.created_before)
        return Filter(self.status, self.kind, owner_id, team_id, self.cluster, tags, self.q, *times, sight=sight)


@router.post("", status_code=201, responses={**CREATED, **responses(409, 503)})
def create_job(request: JobRequest, new: NewJobsDep, site: SiteDep, files: ClusterFilesDep) -> JobJson:
    """Queue a job; the worker submits it. Nothing is asked of the cluster but a file that its command names.

    Such a file is read where it is not sent along and the cluster has a checkout of LLaMA-Factory to look into.
    """
    checkout = read_checkout_texts(request, site.clusters, files, before=new.session.commit)
    return new.with_checkout(checkout).create(request)


@router.get("", name="list_jobs", response_model=Page[JobJson])
def list_all_jobs(
    query: Annotated[JobQuery, Query()],
    session: SessionDep,
    clusters: ClustersDep,
    feed: FeedDep,
    user: CurrentUser,
) -> Page[JobJson] | Response:
    """All jobs that the user may see: everybody's, unless the server's operator has it otherwise."""
    owner_id = owner_id_of(session, query.owner) if query.owner is not None else None
    team_id = _team_id(session, query.team) if query.team is not None else None
    page = list_jobs(session, query.filter(owner_id, team_id, sight_of(user)), query.sort, query.after, query.limit)
    if query.cluster is not None and not page.jobs and query.cluster not in clusters:
        hint = f"the clusters are: {', '.join(sorted(clusters)) or 'none yet'}"
        raise InvalidInput([Finding(("query", "cluster"), f"there is no cluster {query.cluster}", hint)])
    rows = listed(session, page.jobs, feed)
    found = Page[JobJson](data=rows, has_more=page.next is not None, next=page.next)
    return with_fields(found, JobJson, query.fields)


@router.get("/{job_id}", responses=responses(404))
def show_job(job_id: JobId, session: SessionDep, feed: FeedDep, user: CurrentUser) -> JobJson:
    """One job."""
    return shown(session, found_job(session, job_id, user), feed)


@router.patch("/{job_id}", responses=responses(403, 404))
def change_job(
    job_id: JobId, change: JobChange, changes: JobChangesDep, settings: SettingsDep, feed: FeedDep
) -> JobJson:
    """Another name, priority or tags; what is left out stays."""
    session, user = changes.session, changes.user
    most = highest_priority(user, settings)
    work = partial(create.change_job, session, job_id, change, user.name, changes.now, highest_priority=most)
    return shown(session, changes.make(job_id, "change", lambda _job: work()), feed)


@router.delete("/{job_id}", status_code=204, responses=responses(403, 404, 409))
def delete_job(job_id: JobId, changes: JobChangesDep) -> Response:
    """Forget an ended job. Its files stay on the cluster."""
    changes.delete(job_id)
    return Response(status_code=204)


def _team_id(session: Session, name: str) -> str:
    """Raises InvalidInput: a misspelt name would show that nobody has any jobs."""
    team = team_by_name(session, name)
    if team is None:
        hint = "give the name as it stands beside a job"
        raise InvalidInput([Finding(("query", "team"), f"there is no team {name}", hint)])
    return team.id
