"""Routes that tell what a fine-tuning job does and leaves: its events and checkpoints."""

from fastapi import APIRouter

from server.dependencies import SessionDep
from server.openai.fine_tuning.access import NamedJob
from server.openai.fine_tuning.checkpoints import FineTuningCheckpoint, fine_tuning_checkpoint, step_of
from server.openai.fine_tuning.event_page import event_page
from server.openai.fine_tuning.events import FineTuningEvent
from server.openai.fine_tuning.listing import After, Limit
from server.openai.pages import ItemList, item_list
from tuning.jobs.output.checkpoints import saved_checkpoints
from tuning.jobs.queries.sources import checkpoint_steps
from tuning.jobs.status import ENDED
from tuning.people.queries import team_names

router = APIRouter(prefix="/fine_tuning/jobs/{fine_tuning_job_id}")


@router.get("/events")
def list_fine_tuning_events(
    job: NamedJob, session: SessionDep, after: After = None, limit: Limit = 20
) -> ItemList[FineTuningEvent]:
    """Events of a job, findings of its data's check, and lines of its training log: the newest first."""
    found = event_page(session, job, after, limit)
    return item_list(found[:limit], has_more=len(found) > limit)


@router.get("/checkpoints")
def list_fine_tuning_checkpoints(
    job: NamedJob, session: SessionDep, after: After = None, limit: Limit = 10
) -> ItemList[FineTuningCheckpoint]:
    """Its checkpoints, the last step first; of a job that has ended those that are still there."""
    before = step_of(job.id, after) if after is not None else None
    left = checkpoint_steps(session, [job.id]).get(job.id, frozenset()) if job.status in ENDED else None
    saved = saved_checkpoints(session, job.id, before=before, among=left, limit=limit + 1)
    team = team_names(session, [job.team_id])[job.team_id]
    shown = [fine_tuning_checkpoint(job, team, each) for each in saved[:limit]]
    return item_list(shown, has_more=len(saved) > limit)
