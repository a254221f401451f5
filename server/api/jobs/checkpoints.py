"""The checkpoints that a run has left: listed with their size, removed on wish."""

from functools import partial

from fastapi import APIRouter, Path, Response

from server.answers.job_changes import JobChanges, JobChangesDep
from server.clusters.output_files import output_files
from server.dependencies import ClusterFilesDep, CurrentUser, JobId, SessionDep, SessionsDep
from server.http.errors.problems import responses
from server.schemas.files import Checkpoints
from tuning.errors import Conflict, NotFound
from tuning.jobs.actions.removals import ask_removal, unwanted_paths
from tuning.jobs.layout import checkpoint_path
from tuning.jobs.models import Job
from tuning.jobs.output.artifacts import artifacts_of
from tuning.jobs.queries.seen_jobs import seen_words
from tuning.jobs.queries.sources import steps_among, users_of_checkpoint
from tuning.jobs.status import ENDED
from tuning.jobs.transition import record_event
from tuning.models.spared import spared_steps

router = APIRouter(prefix="/jobs/{job_id}/checkpoints", tags=["results"])


@router.get("", responses=responses(404))
def list_checkpoints(
    job_id: JobId, session: SessionDep, sessions: SessionsDep, files: ClusterFilesDep, user: CurrentUser
) -> Checkpoints:
    """The checkpoints that a run has left; while it runs those that are whole, as its cluster tells them."""
    unwanted = unwanted_paths(session, job_id)
    session.commit()  # no connection is held while the cluster is asked
    found = output_files(sessions, job_id, user, files)
    return Checkpoints.of(found, unwanted)


@router.delete("/{step}", status_code=202, response_class=Response, responses=responses(403, 404, 409))
def remove_checkpoint(job_id: JobId, changes: JobChangesDep, step: int = Path(ge=1, le=2**31 - 1)) -> Response:
    """Ask for its removal from the cluster; it is gone from the list once it is gone there."""
    changes.make(job_id, "remove_checkpoint", partial(_ask_removal, changes, step))
    return Response(status_code=202)


def _ask_removal(changes: JobChanges, step: int, job: Job) -> None:
    """Raises NotFound, Conflict."""
    session = changes.session
    if job.status not in ENDED:
        raise Conflict(f"job {job.id} is {job.status}", hint="checkpoints can be removed once the job has ended")
    if step not in steps_among(row.path for row in artifacts_of(session, job.id)):
        raise NotFound(f"job {job.id} has no checkpoint {step}")
    if needed := users_of_checkpoint(session, job.id, step):
        users = seen_words(session, needed, changes.user)
        raise Conflict(f"checkpoint {step} is needed by {users}", hint="wait for them, or cancel them")
    if step in spared_steps(session, job.id):
        hint = "take the pin off, and move or remove the alias"
        raise Conflict(f"checkpoint {step} is pinned, or has an alias", hint=hint)
    if ask_removal(session, job.id, checkpoint_path(step), changes.now):
        message = f"removal of checkpoint {step} asked for by {changes.user.name}"
        record_event(session, job.id, "job.changed", message, changes.now)
