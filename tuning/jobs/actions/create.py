"""Create, change, delete and copy jobs. Each function is one step of a transaction that the caller commits."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from tuning.errors import Conflict, Finding, InvalidInput
from tuning.ids import new_id
from tuning.jobs.actions.checked_request import CheckedRequest, in_a_sentence
from tuning.jobs.actions.control import locked_job, touch
from tuning.jobs.actions.intake import (
    Surroundings,
    check_priority,
    check_request,
    laid_over,
    request_sha256,
)
from tuning.jobs.actions.refused_data import fail_by_data
from tuning.jobs.actions.repeats import job_of_other_sending, key_of_sending
from tuning.jobs.models import Job
from tuning.jobs.queries import requests
from tuning.jobs.queries.dependencies import add_dependencies, waiting_for
from tuning.jobs.queries.seen_jobs import seen_words
from tuning.jobs.request.resources import measures
from tuning.jobs.request.sources import to_json
from tuning.jobs.request.spec import MAX_PRIORITY, JobChange, JobRequest
from tuning.jobs.status import ENDED, JobStatus
from tuning.jobs.transition import record_event
from tuning.llamafactory.kinds import CHECK, SERVE
from tuning.notices.models import Webhook
from tuning.notices.recorded import record_webhook, recorded_values
from tuning.notices.webhooks import add_job_webhooks, copy_job_webhooks
from tuning.people.audit import SERVICE, Actor
from tuning.people.models import LAB_TEAM_ID
from tuning.people.tokens import Principal

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asker:
    """User who makes a job, the key (none = every request is a new job), the job that it is made from."""

    user_id: str
    idempotency_key: str | None = None
    retry_of: str | None = None
    team_id: str = LAB_TEAM_ID
    """Of a check of data, which names no team."""
    actor: Actor = SERVICE
    """As the record of changes names the user, where webhooks come with the job."""
    sent_before: int | None = None
    """Number of times that their client has sent the request, where it counts them (tuning.jobs.actions.repeats)."""

    @property
    def counted_sendings(self) -> int | None:
        """The same where the count alone tells that a request is sent again; None where a key does, or nothing."""
        return self.sent_before if self.idempotency_key is None else None


def create_job(
    session: Session, request: JobRequest, asker: Asker, around: Surroundings, now: datetime
) -> tuple[Job, bool]:
    """The job, and whether it is new: the same key and request give the same job again, however often.

    Raises InvalidInput with all that is wrong, and when the key was used for another request.
    """
    sha256 = request_sha256(request, asker.retry_of)
    if asker.idempotency_key is not None and (known := known_job(session, asker, sha256)):
        return known, False
    sendings = asker.counted_sendings
    if sendings is not None and (made := job_of_other_sending(session, asker.user_id, sha256, sendings, now)):
        return made, False
    checked = check_request(request, around)
    if checked.errors:
        raise InvalidInput(checked.errors)
    job = requests.insert_job(session, _row(checked, asker, sha256, now))
    if job is None:  # the same key at the same moment: the other request was first
        known = known_job(session, asker, sha256)
        if known is None:
            raise Conflict("the job of this key was made and removed at the same moment", hint="try again")
        return known, False
    for webhook in _webhooks(session, request, job, asker, around, now):
        record_webhook(session, asker.actor, "created", webhook, now, after=recorded_values(webhook))
    warnings = [in_a_sentence(finding) for finding in checked.warnings]
    events = first_events(job.status, now, checked.notes, warnings)
    datasets = [data.id for data in (*checked.uploads, *checked.unready)]
    requests.insert_belongings(session, job, request.tags, datasets, events)
    add_dependencies(session, job.id, checked.dependencies)
    if (refused := checked.refused) is not None:
        fail_by_data(session, job, refused, is_validation=refused.id not in request.datasets, now=now)
    log.info("job %s created", job.id, extra={"action": "create", "job_id": job.id, "user_id": asker.user_id})
    return job, True


def change_job(
    session: Session, job_id: str, change: JobChange, by: str, now: datetime, *, highest_priority: int = MAX_PRIORITY
) -> Job:
    """Another name, priority or tags. Raises NotFound, and InvalidInput for a priority that is not theirs to give."""
    job = locked_job(session, job_id)
    if change.priority not in (None, job.priority) and (bad := check_priority(change.priority or 0, highest_priority)):
        raise InvalidInput(bad)
    changed = sorted(change.model_dump(exclude_none=True))
    if not changed:
        return job
    if change.name is not None:
        job.name = change.name
    if change.priority is not None:
        requests.change_priority(session, job, change.priority)
    if change.tags is not None:
        requests.replace_tags(session, job, change.tags)
    touch(job, now)
    session.flush()  # the notice of it tells the new name
    record_event(session, job_id, "job.changed", f"{', '.join(changed)} changed by {by}", now)
    return job


def delete_job(session: Session, job_id: str, user: Principal) -> None:
    """Forget an ended job for a user; what it left on the cluster stays there. Raises NotFound, Conflict."""
    job = locked_job(session, job_id)
    if job.status not in ENDED:
        raise Conflict(f"job {job_id} is {job.status}", hint="cancel it first; ended jobs can be deleted")
    if needed := waiting_for(session, job_id):
        hint = "cancel those first, or wait for them"
        raise Conflict(f"job {job_id} is needed by {seen_words(session, needed, user)}", hint=hint)
    requests.delete_job(session, job_id)
    log.info("job %s deleted", job_id, extra={"action": "delete", "job_id": job_id})


def request_of(
    session: Session, job: Job, changes: JobRequest, highest_priority: int = MAX_PRIORITY, team: str | None = None
) -> JobRequest:
    """The request that makes a job like this one, with `changes` laid over it.

    Arguments and resources are laid over one by one (null takes one away), everything else as a whole. The arguments
    of a recipe are among the job's own: the recipe itself, which may have changed since, is not asked again. The job's
    priority is taken over as far as whoever asks may give it; `team` is the job's where they are in it (None: their
    usual one).
    Raises InvalidInput where the changes do not fit, and Conflict for what the server made: a check, a served model.
    """
    if job.kind == CHECK:
        raise Conflict(f"{job.id} is a check of data", hint="add the file as another data set, or retry the check")
    if job.kind == SERVE:
        raise Conflict(f"{job.id} serves a model", hint="talk to the model, or ask for it with POST /models/serve")
    if texts := [name for name in ("config_yaml", "command", "script") if getattr(changes, name) is not None]:
        hint = "give the arguments to change as an object (config)"
        raise InvalidInput([Finding((texts[0],), "only config can be laid over a job's", hint)])
    own = requests.belongings(session, [job.id])
    given = changes.model_dump(exclude_unset=True, exclude={"with_dependents"}, by_alias=True)
    values: dict[str, Any] = {
        "name": job.name,
        "team": team,
        "datasets": own.datasets.get(job.id, ()),
        "priority": max(-highest_priority, min(job.priority, highest_priority)),
        "tags": own.tags.get(job.id, {}),
        "kind": job.kind,
        "class": job.job_class,
        "source_job": job.source_job,
        "checkpoint": job.source_checkpoint,
        "resume_from": {"job": job.resume_job, "checkpoint": job.resume_checkpoint} if job.resume_job else None,
        "depends_on": own.dependencies.get(job.id, ()),
        "secrets": job.secrets or [],
        "environment": job.environment or {},
        "keep_checkpoints": job.keep_checkpoints,
        "continuation": job.continuation,
        **{name: value for name, value in given.items() if value is not None},
        **_own_checkpoint(job, given),
        "config": laid_over(job.config, changes.config or {}),
        "resources": {**job.resources, **given.get("resources", {})},
    }
    try:
        return JobRequest.model_validate(values)
    except ValidationError as error:
        # each was good by itself: what is laid over what is too much together
        findings = [Finding(tuple(wrong["loc"]), str(wrong["msg"])) for wrong in error.errors(include_input=False)]
        raise InvalidInput(findings) from error


def _own_checkpoint(job: Job, given: Mapping[str, Any]) -> dict[str, Any]:
    """The checkpoint to go on from is the job's own, unless another job is named; null over one takes it away."""
    if "resume_from" not in given:
        return {}
    wanted = given["resume_from"]
    return {"resume_from": {**wanted, "job": wanted.get("job") or job.id} if wanted is not None else None}


def require_ended(job: Job) -> None:
    """Raises Conflict while a job has not ended: what still runs is not retried."""
    if job.status not in ENDED:
        raise Conflict(f"job {job.id} is {job.status}", hint="cancel it first, or clone it")


def known_job(session: Session, asker: Asker, sha256: str) -> Job | None:
    """The job that was made under this key. Raises InvalidInput when it was for another request."""
    job = requests.job_by_key(session, asker.user_id, asker.idempotency_key or "")
    if job is not None and job.request_sha256 != sha256:
        hint = "send a new key with a new request"
        message = f"this key was used for another request, which made {job.id}"
        raise InvalidInput([Finding(("header", "Idempotency-Key"), message, hint)])
    return job


def first_events(
    status: JobStatus, now: datetime, notes: Sequence[str] = (), warnings: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """First events of a job that was just made, with the notes and warnings about its request."""
    said = {"notes": list(notes), "warnings": list(warnings)}
    created = {"at": now, "type": "job.created", "message": "created", "data": said}
    data = {"from": None, "to": status, "attempt": 0}
    return [created, {"at": now, "type": f"job.{status}", "message": f"{status}", "data": data}]


def _webhooks(
    session: Session, request: JobRequest, job: Job, asker: Asker, around: Surroundings, now: datetime
) -> list[Webhook]:
    """Those that the request brings; a retry that brings none has those of the job before."""
    if request.webhooks:
        return add_job_webhooks(session, job.id, asker.user_id, request.webhooks, around.notices, now)
    if asker.retry_of is not None:
        return copy_job_webhooks(session, asker.retry_of, job.id, asker.user_id, now)
    return []


def _row(checked: CheckedRequest, asker: Asker, sha256: str, now: datetime) -> dict[str, Any]:
    request = checked.request
    is_held = request.held and checked.refused is None
    job_id = new_id("job")
    return {
        "id": job_id,
        "name": checked.name,
        "kind": checked.kind,
        "recipe": request.recipe,
        "status": JobStatus.HELD if is_held else JobStatus.QUEUED,
        "status_reason": f"waits for {', '.join(checked.dependencies)}" if checked.dependencies else None,
        "owner_id": asker.user_id,
        "team_id": checked.team_id,
        "job_class": request.job_class,
        "cluster": checked.resources["cluster"],
        "priority": request.priority,
        "config": dict(checked.config),
        "resources": dict(checked.resources),
        **measures(checked.resources),
        "queued_at": None if is_held else now,
        "idempotency_key": asker.idempotency_key or key_of_sending(job_id, asker.sent_before or 0),
        "request_sha256": sha256,
        "retry_of": asker.retry_of,
        "source_job": request.source_job,
        "source_checkpoint": request.checkpoint,
        "source": to_json(checked.source) if checked.source else None,
        "resume_job": checked.resume.job_id if checked.resume else None,
        "resume_checkpoint": checked.resume.step if checked.resume else None,
        "secrets": list(request.secrets) or None,
        "environment": dict(request.environment) or None,
        "keep_checkpoints": request.keep_checkpoints,
        "continuation": request.continuation.model_dump(mode="json") if request.continuation else None,
        "version": 1,
        "attempt": 0,
        "created_at": now,
        "updated_at": now,
    }
