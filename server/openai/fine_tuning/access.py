"""Fine-tuning jobs that a request names: trainings that its user may see."""

from typing import Annotated

from fastapi import Depends
from sqlalchemy.orm import Session

from server.answers.jobs import found_job
from server.dependencies import ClustersDep, CurrentUser, FeedDep, SessionDep
from server.openai.fine_tuning.parts import Shown
from server.openai.ids import job_id_of
from tuning.errors import NotFound
from tuning.jobs.models import Job
from tuning.llamafactory.kinds import KINDS
from tuning.people.tokens import Principal

TRAINING = KINDS["train"].name


def found_training(session: Session, fine_tuning_job_id: str, user: Principal) -> Job:
    """A training by OpenAI's id. Raises NotFound, also for other kinds and for what the user may not see."""
    job_id = job_id_of(fine_tuning_job_id)
    try:
        job = found_job(session, job_id, user)
    except NotFound:
        raise NotFound(f"there is no fine-tuning job {fine_tuning_job_id}") from None
    if job.kind != TRAINING:
        raise NotFound(f"{fine_tuning_job_id} is no fine-tuning job, but of kind {job.kind}")
    return job


def named_job(fine_tuning_job_id: str, session: SessionDep, user: CurrentUser) -> Job:
    """The fine-tuning job in a path. Raises NotFound."""
    return found_training(session, fine_tuning_job_id, user)


async def shown_jobs(session: SessionDep, clusters: ClustersDep, feed: FeedDep) -> Shown:
    """For routes that answer with fine-tuning jobs."""
    return Shown(session, clusters, feed)


NamedJob = Annotated[Job, Depends(named_job)]
ShownDep = Annotated[Shown, Depends(shown_jobs)]
