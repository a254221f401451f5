"""Inputs of the routes that make a job, and their answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Response
from sqlalchemy.orm import Session

from server.answers.jobs import shown
from server.dependencies import ActorDep, CurrentUser, FeedDep, NowDep, SessionDep
from server.feed.cache import Feed
from server.http.idempotency import IdempotencyKey
from server.job_surroundings import SurroundingsDep
from server.schemas.job import JobJson, JobNames, job_path
from tuning.jobs.actions import create
from tuning.jobs.actions.intake import Surroundings
from tuning.jobs.actions.retry_dependents import retry_dependents
from tuning.jobs.models import Job
from tuning.jobs.queries import requests
from tuning.jobs.queries.dependencies import dependencies_of
from tuning.jobs.request.commands import CheckoutTexts
from tuning.jobs.request.spec import JobRequest
from tuning.people.tokens import Principal


@dataclass(frozen=True)
class NewJobs:
    """Inputs of a route that makes a job, and the answers made from them."""

    session: Session
    user: Principal
    asker: create.Asker
    around: Surroundings
    now: datetime
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
        asker = replace(self.asker, retry_of=retry_of)
        job, is_new = create.create_job(self.session, request, asker, self.around, self.now)
        self._point_at(job, is_new=is_new)
        if is_new and with_dependents and retry_of is not None:
            retry_dependents(self.session, retry_of, job, self.around, asker.actor, self.now)
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


def _datasets(session: Session, request: JobRequest, job: Job) -> Sequence[str]:
    """Those of the request, and uploads that its configuration names, which have to be asked for."""
    named = f"{job.config.get('dataset')},{job.config.get('eval_dataset')}"
    if "ds_" not in named:
        return request.datasets
    return requests.belongings(session, [job.id]).datasets.get(job.id, ())


def _awaited(session: Session, request: JobRequest, job: Job) -> Sequence[str]:
    asked = request.depends_on or job.source_job
    return dependencies_of(session, [job.id]).get(job.id, ()) if asked else ()


async def new_job_asker(user: CurrentUser, actor: ActorDep, idempotency_key: IdempotencyKey = None) -> create.Asker:
    """User who asks for a new job, and the request's key."""
    return create.Asker(user.user_id, idempotency_key, actor=actor)


AskerDep = Annotated[create.Asker, Depends(new_job_asker)]


async def new_jobs(
    session: SessionDep,
    user: CurrentUser,
    asker: AskerDep,
    around: SurroundingsDep,
    now: NowDep,
    response: Response,
    feed: FeedDep,
) -> NewJobs:
    """For routes that make a job."""
    return NewJobs(session, user, asker, around, now, response, feed)


NewJobsDep = Annotated[NewJobs, Depends(new_jobs)]
CREATED: dict[int | str, dict[str, Any]] = {
    200: {"model": JobJson, "description": "The job that this Idempotency-Key made before."}
}
