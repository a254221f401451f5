"""Retry of the jobs that failed because one that they waited for did: each waits for the new ones in their place.

One step of the transaction in which the first of them is retried.
"""

from collections.abc import Mapping
from datetime import datetime
from graphlib import TopologicalSorter

from sqlalchemy.orm import Session

from tuning.errors import Conflict, Finding, InvalidInput
from tuning.jobs.actions.create import Asker, create_job, request_of
from tuning.jobs.actions.intake import Surroundings
from tuning.jobs.models import Job
from tuning.jobs.queries.dependencies import dependencies_of, failed_dependents
from tuning.jobs.request.spec import JobRequest
from tuning.jobs.transition import record_event
from tuning.people.audit import Actor

MOST_DEPENDENTS = 500
_NO_CHANGES = JobRequest()


def retry_dependents(
    session: Session, old_id: str, new: Job, around: Surroundings, actor: Actor, now: datetime
) -> list[Job]:
    """Make the dependents of an ended job anew, behind its retry `new`: those of the same owner, directly and not.

    Raises InvalidInput for one that is no longer possible, and Conflict for too many.
    """
    found = _dependents(session, old_id, new.owner_id)
    waits_for = dependencies_of(session, list(found))
    made = {old_id: new.id}
    retried = []
    for job_id in TopologicalSorter(waits_for).static_order():
        if (job := found.get(job_id)) is None:
            continue
        again = _retry(session, job, _renamed(session, job, made, around), around, actor, now)
        made[job_id] = again.id
        retried.append(again)
    if retried:
        count = "1 job that depended" if len(retried) == 1 else f"{len(retried)} jobs that depended"
        message = f"{count} on {old_id} and failed with it: retried too"
        record_event(session, new.id, "job.changed", message, now, {"retried": [job.id for job in retried]})
    return retried


def _dependents(session: Session, job_id: str, owner_id: str) -> dict[str, Job]:
    found: dict[str, Job] = {}
    level = [job_id]
    while level:
        below = failed_dependents(session, level, owner_id)
        level = [job.id for job in below if job.id not in found]
        found |= {job.id: job for job in below}
        if len(found) > MOST_DEPENDENTS:
            message = f"more than {MOST_DEPENDENTS} jobs depended on {job_id}"
            raise Conflict(message, hint="retry it without them, and make them anew")
    return found


def _renamed(session: Session, job: Job, made: Mapping[str, str], around: Surroundings) -> JobRequest:
    """The job's request, with the new jobs in the place of the old."""
    request = request_of(session, job, _NO_CHANGES, around.highest_priority, around.team_name(job.team_id))
    depends_on = tuple(made.get(awaited, awaited) for awaited in request.depends_on)
    source = request.source_job
    return request.model_copy(
        update={"depends_on": depends_on, "source_job": made.get(source, source) if source else None}
    )


def _retry(session: Session, job: Job, request: JobRequest, around: Surroundings, actor: Actor, now: datetime) -> Job:
    try:
        again, _ = create_job(session, request, Asker(job.owner_id, None, job.id, actor=actor), around, now)
    except InvalidInput as error:
        loc = ("with_dependents",)
        raise InvalidInput(
            [Finding(loc, f"{job.id} cannot be retried: {wrong.message}", wrong.hint) for wrong in error.findings]
        ) from error
    return again
