"""Changes of jobs by whoever may change them; those of others' jobs are in the record of changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends
from sqlalchemy.orm import Session

from server.answers.jobs import found_job, require_change
from server.dependencies import ActorDep, CurrentUser, NowDep, SessionDep
from tuning.jobs.actions import create
from tuning.jobs.models import Job
from tuning.people.audit import Actor, Change, record
from tuning.people.queries import user_names
from tuning.people.tokens import Principal


@dataclass(frozen=True)
class JobChanges:
    """User, session and time of a request that changes a job."""

    session: Session
    user: Principal
    actor: Actor
    now: datetime

    def make(self, job_id: str, action: str, work: Callable[[Job], object]) -> Job:
        """Let `work` change a job. Raises NotFound, NotAllowed, and what `work` raises."""
        job, before = self._begin(job_id)
        work(job)
        self.tell(job, action, before, _seen(job))
        return job

    def delete(self, job_id: str) -> None:
        """Forget an ended job. Raises NotFound, NotAllowed, Conflict."""
        job, before = self._begin(job_id)
        self.tell(job, "delete", before, None)
        create.delete_job(self.session, job_id, self.user)

    def tell(self, job: Job, action: str, before: Mapping[str, Any], after: Mapping[str, Any] | None) -> None:
        """Write an action into the record of changes where the job is somebody else's."""
        if job.owner_id == self.user.user_id:
            return
        owner = {"owner": user_names(self.session, [job.owner_id])[job.owner_id]}
        record(self.session, self.actor, Change(f"job.{action}", "job", job.id, {**owner, **before}, after), self.now)

    def _begin(self, job_id: str) -> tuple[Job, dict[str, Any]]:
        """The job, which the user may change, and its values before."""
        job = found_job(self.session, job_id, self.user)
        require_change(job, self.user)
        return job, _seen(job)


def _seen(job: Job) -> dict[str, Any]:
    return {
        "name": job.name,
        "status": job.status.value,
        "priority": job.priority,
        "cancel_requested": job.cancel_requested_at is not None,
        "hold_requested": job.hold_requested_at is not None,
    }


async def job_changes(session: SessionDep, user: CurrentUser, actor: ActorDep, now: NowDep) -> JobChanges:
    """For routes that change a job."""
    return JobChanges(session, user, actor, now)


JobChangesDep = Annotated[JobChanges, Depends(job_changes)]
