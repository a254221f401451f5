"""Parts that the routes of jobs share: find a job, check who may change it, render answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Response
from sqlalchemy.orm import Session

from server.dependencies import CurrentUser, FeedDep, NowDep, SessionDep
from server.feed.cache import Feed
from server.feed.queue.view import Outlook
from server.job_surroundings import SurroundingsDep
from server.schemas.job import JobJson, JobNames, job_path
from tuning.clusters.attendance import Absence
from tuning.errors import NotAllowed, NotFound
from tuning.jobs.actions import create
from tuning.jobs.actions.intake import Surroundings
from tuning.jobs.actions.retry_dependents import retry_dependents
from tuning.jobs.models import Job
from tuning.jobs.queries import requests
from tuning.jobs.queries.dependencies import dependencies_of
from tuning.jobs.request.commands import CheckoutTexts
from tuning.jobs.request.spec import JobRequest
from tuning.jobs.status import NOT_BEGUN
from tuning.people.queries import team_names, user_names
from tuning.people.tokens import Principal

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key with the same request gives the same job (200), with another request a 422.",
    ),
]


def found_job(session: Session, job_id: str, user: Principal) -> Job:
    """One job. Raises NotFound, also where the user may not see it."""
    job = requests.job_by_id(session, job_id)
    if job is None or not user.may_see(job.owner_id, job.team_id):
        raise NotFound(f"there is no job {job_id}")
    return job


def require_change(job: Job, user: Principal) -> None:
    """Raises NotAllowed where the job is neither the user's nor of a team that they lead."""
    if not user.may_change(job.owner_id, job.team_id):
        hint = "its owner, a lead of its team, or an administrator can change it"
        raise NotAllowed(f"job {job.id} is not yours", hint=hint)


def shown(session: Session, job: Job, feed: Feed) -> JobJson:
    """A job as the API shows it."""
    return _shown_as(JobJson.of, session, [job], feed)[0]


def listed(session: Session, jobs: Sequence[Job], feed: Feed) -> list[JobJson]:
    """Jobs as a list shows them, in a handful of queries however many there are."""
    return _shown_as(JobJson.summary, session, jobs, feed) if jobs else []


@dataclass(frozen=True)
class NewJobs:
    """Inputs of a route that makes a job, and the answers made from them."""

    session: Session
    user: Principal
    around: Surroundings
    now: datetime
    idempotency_key: str | None
    response: Response
    feed: Feed

    def with_checkout(self, checkout: CheckoutTexts) -> "NewJobs":
        """With files that the request's command names and does not bring."""
        return replace(self, around=replace(self.around, checkout=checkout))

    def request_of(self, job: Job, changes: JobRequest) -> JobRequest:
        """The request that makes a job like this one. Raises InvalidInput, Conflict."""
        around = self.around
        return create.request_of(self.session, job, changes, around.highest_priority, around.team_name(job.team_id))

    def create(self, request: JobRequest, retry_of: str | None = None, *, with_dependents: bool = False) -> JobJson:
        """The answer: 201 and the new job, or 200 and the job that this key made before."""
        asker = create.Asker(self.user.user_id, self.idempotency_key, retry_of)
        job, is_new = create.create_job(self.session, request, asker, self.around, self.now)
        self._point_at(job, is_new=is_new)
        if is_new and with_dependents and retry_of is not None:
            retry_dependents(self.session, retry_of, job, self.around, self.now)
        return self._shown(request, job) if is_new else shown(self.session, job, self.feed)

    def answer(self, made: tuple[Job, bool]) -> JobJson:
        """The answer for a job that was made otherwise: 201 where it is new, else 200."""
        job, is_new = made
        self._point_at(job, is_new=is_new)
        return shown(self.session, job, self.feed)

    def _point_at(self, job: Job, *, is_new: bool) -> None:
        self.response.status_code = 201 if is_new else 200
        self.response.headers["Location"] = job_path(job.id)

    def _shown(self, request: JobRequest, job: Job) -> JobJson:
        """A new job: all that belongs to it is known, nothing but its place need be asked.

        It is committed before the answer is made: so the worker has it some 25 ms earlier (measured to Slurm's number).
        """
        own = requests.Belongings(
            {job.id: request.tags},
            {job.id: _datasets(self.session, request, job)},
            dependencies={job.id: _awaited(self.session, request, job)},
        )
        self.session.commit()
        outlook = self.feed.queues.outlook_of_new(self.session, job)
        teams = {team.id: team.name for team in self.user.teams}
        names = JobNames(self.user.name, teams[job.team_id])
        return JobJson.of(job, names, own, outlook, self.feed.workers.absence(job.cluster))


_Form = Callable[[Job, JobNames, requests.Belongings, Outlook | None, Absence | None], JobJson]


def _shown_as(form: _Form, session: Session, jobs: Sequence[Job], feed: Feed) -> list[JobJson]:
    owners = user_names(session, (job.owner_id for job in jobs))
    teams = team_names(session, (job.team_id for job in jobs))
    names = {job.id: JobNames(owners[job.owner_id], teams[job.team_id]) for job in jobs}
    own = requests.belongings(session, [job.id for job in jobs])
    outlooks = feed.queues.outlooks(session, ((job.cluster, job.id) for job in jobs if job.status in NOT_BEGUN))
    absences = feed.workers.absences()
    return [form(job, names[job.id], own, outlooks.get(job.id), absences.get(job.cluster)) for job in jobs]


def _datasets(session: Session, request: JobRequest, job: Job) -> Sequence[str]:
    """Those of the request, and uploads that its configuration names, which have to be asked for."""
    named = f"{job.config.get('dataset')},{job.config.get('eval_dataset')}"
    if "ds_" not in named:
        return request.datasets
    return requests.belongings(session, [job.id]).datasets.get(job.id, ())


def _awaited(session: Session, request: JobRequest, job: Job) -> Sequence[str]:
    asked = request.depends_on or request.source_job
    return dependencies_of(session, [job.id]).get(job.id, ()) if asked else ()


async def new_jobs(
    session: SessionDep,
    user: CurrentUser,
    around: SurroundingsDep,
    now: NowDep,
    response: Response,
    feed: FeedDep,
    idempotency_key: IdempotencyKey = None,
) -> NewJobs:
    """For routes that make a job."""
    return NewJobs(session, user, around, now, idempotency_key, response, feed)


NewJobsDep = Annotated[NewJobs, Depends(new_jobs)]
CREATED: dict[int | str, dict[str, Any]] = {
    200: {"model": JobJson, "description": "The job that this Idempotency-Key made before."}
}
