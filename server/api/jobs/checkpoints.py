"""The checkpoints that a run has left: listed with their size, removed on wish."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from server.api.jobs.changes import JobChanges, JobChangesDep
from server.cluster_files import RemoteFile
from server.dependencies import ClusterFilesDep, CurrentUser, JobId, SessionDep, SessionsDep
from server.http.problems import responses
from server.output_files import output_files, whole_checkpoints
from tuning.errors import Conflict, NotFound
from tuning.jobs.actions.removals import ask_removal, unwanted_paths
from tuning.jobs.layout import checkpoint_path
from tuning.jobs.models import Job
from tuning.jobs.output.artifacts import artifacts_of
from tuning.jobs.queries.sources import steps_among, users_of_checkpoint
from tuning.jobs.status import ENDED
from tuning.jobs.transition import record_event

router = APIRouter(prefix="/jobs/{job_id}/checkpoints", tags=["results"])


class CheckpointInfo(BaseModel):
    """The model as it was after a step: to use it (source_job with checkpoint), or to go on from."""

    step: int
    path: str = Field(description="Of its files among the artifacts.")
    size_bytes: int
    files: int
    modified_at: datetime
    is_being_removed: bool


class Checkpoints(BaseModel):
    """All checkpoints of a job, the oldest first."""

    data: list[CheckpointInfo]
    total_bytes: int
    listed_at: datetime | None = Field(
        default=None,
        description="When those of a job that runs were looked at; null: as its last attempt left them.",
    )


@router.get("", responses=responses(404))
def list_checkpoints(
    job_id: JobId, session: SessionDep, sessions: SessionsDep, files: ClusterFilesDep, user: CurrentUser
) -> Checkpoints:
    """The checkpoints that a run has left; while it runs those that are whole, as its cluster tells them."""
    unwanted = unwanted_paths(session, job_id)
    session.commit()  # no connection is held while the cluster is asked
    found = output_files(sessions, job_id, user, files)
    rows = whole_checkpoints(found)
    steps = sorted(steps_among(row.path for row in rows))
    shown = [_shown(step, rows, is_being_removed=checkpoint_path(step) in unwanted) for step in steps]
    total_bytes = sum(checkpoint.size_bytes for checkpoint in shown)
    return Checkpoints(data=shown, total_bytes=total_bytes, listed_at=found.listed_at)


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
        raise Conflict(f"checkpoint {step} is needed by {', '.join(needed)}", hint="wait for them, or cancel them")
    if ask_removal(session, job.id, checkpoint_path(step), changes.now):
        message = f"removal of checkpoint {step} asked for by {changes.user.name}"
        record_event(session, job.id, "job.changed", message, changes.now)


def _shown(step: int, rows: Sequence[RemoteFile], *, is_being_removed: bool) -> CheckpointInfo:
    own = [row for row in rows if row.path.startswith(f"checkpoint-{step}/")]
    return CheckpointInfo(
        step=step,
        path=f"checkpoint-{step}",
        size_bytes=sum(row.size_bytes for row in own),
        files=len(own),
        modified_at=max(row.modified_at for row in own),
        is_being_removed=is_being_removed,
    )
