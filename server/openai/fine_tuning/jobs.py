"""Routes of fine-tuning jobs: made, listed, shown, cancelled, paused."""

from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import APIRouter

from server.answers.job_changes import JobChangesDep
from server.dependencies import CurrentUser, SessionDep
from server.openai.fine_tuning.access import TRAINING, NamedJob, ShownDep, found_training
from server.openai.fine_tuning.bodies import FineTuningRequest
from server.openai.fine_tuning.job import FineTuningJob
from server.openai.fine_tuning.listing import JobListQueryDep
from server.openai.fine_tuning.new_jobs import NewFineTuningJobsDep
from server.openai.pages import ItemList, item_list
from tuning.jobs.actions import control
from tuning.jobs.search.order import Sort, cursor_of
from tuning.jobs.search.page import Filter, list_jobs
from tuning.jobs.sight import sight_of

router = APIRouter(prefix="/fine_tuning/jobs")


@router.post("")
def create_fine_tuning_job(body: FineTuningRequest, new: NewFineTuningJobsDep, shown: ShownDep) -> FineTuningJob:
    """Queue a training."""
    return shown.one(new.create(body))


@router.get("")
def list_fine_tuning_jobs(
    query: JobListQueryDep, session: SessionDep, user: CurrentUser, shown: ShownDep
) -> ItemList[FineTuningJob]:
    """The trainings that the user may see, the newest first."""
    wanted = Filter(kind=TRAINING, tags=query.tags, is_untagged=query.is_untagged, sight=sight_of(user))
    last = found_training(session, query.after, user) if query.after is not None else None
    after = cursor_of(Sort.NEWEST, last) if last is not None else None
    page = list_jobs(session, wanted, Sort.NEWEST, after, query.limit)
    return item_list(shown.all(page.jobs), has_more=page.next is not None)


@router.get("/{fine_tuning_job_id}")
def retrieve_fine_tuning_job(job: NamedJob, shown: ShownDep) -> FineTuningJob:
    """One training."""
    return shown.one(job)


@router.post("/{fine_tuning_job_id}/cancel")
def cancel_fine_tuning_job(job: NamedJob, changes: JobChangesDep, shown: ShownDep) -> FineTuningJob:
    """Ask for its end; it is `cancelled` once Slurm has confirmed it."""
    return _changed(job.id, "cancel", control.cancel_job, changes, shown)


@router.post("/{fine_tuning_job_id}/pause")
def pause_fine_tuning_job(job: NamedJob, changes: JobChangesDep, shown: ShownDep) -> FineTuningJob:
    """Hold it: one that runs saves a checkpoint first."""
    return _changed(job.id, "hold", control.hold_job, changes, shown)


@router.post("/{fine_tuning_job_id}/resume")
def resume_fine_tuning_job(job: NamedJob, changes: JobChangesDep, shown: ShownDep) -> FineTuningJob:
    """Let one that is held go on from its newest checkpoint."""
    return _changed(job.id, "release", control.release_job, changes, shown)


def _changed(
    job_id: str, action: str, change: Callable[..., Any], changes: JobChangesDep, shown: ShownDep
) -> FineTuningJob:
    work = partial(change, changes.session, job_id, changes.user.name, changes.now)
    return shown.one(changes.make(job_id, action, lambda _job: work()))
