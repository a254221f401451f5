"""Keeping of results: aliases, pins, grants and removal. Each change is in the record of changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from tuning.clusters.model_aliases import alias_on, remove_alias, set_result_alias
from tuning.errors import Conflict, Finding, InvalidInput, NotAllowed, NotFound
from tuning.jobs.actions.control import locked_job
from tuning.jobs.actions.removals import ask_output_removal, ask_removal
from tuning.jobs.layout import checkpoint_path
from tuning.jobs.models import Job
from tuning.jobs.queries.requests import job_by_id
from tuning.jobs.queries.results import name_of
from tuning.jobs.queries.seen_jobs import seen_words
from tuning.jobs.queries.sources import source_jobs, users_of_checkpoint, users_of_output
from tuning.jobs.results.resolve import missing_model
from tuning.jobs.status import ENDED
from tuning.jobs.transition import record_event
from tuning.models import grants, pins
from tuning.models.names import ResultName
from tuning.models.spared import spared_among
from tuning.people.audit import Actor, Change, record
from tuning.people.queries import team_names
from tuning.people.teams import found_team
from tuning.people.tokens import Principal
from tuning.settings import ClusterSettings


@dataclass(frozen=True)
class Keeper:
    """User who changes what becomes of a result, and how the record of changes names them."""

    user: Principal
    actor: Actor
    now: datetime


def alias_result(
    session: Session, keeper: Keeper, alias: str, result: ResultName, clusters: Mapping[str, ClusterSettings]
) -> Job:
    """Let an alias mean a result from now on, on the result's cluster.

    Raises NotFound, NotAllowed, Conflict, and InvalidInput where the result is not there.
    """
    job = _own_job(session, keeper, result)
    _require_model(session, result, "model")
    before = alias_on(session, job.cluster, alias)
    _require_alias(session, keeper, before.job_id if before is not None else job.id, alias)
    was = _alias_json(session, job.cluster, alias)
    known = {name for its in clusters.values() for name in its.models}
    set_result_alias(session, job.cluster, alias, (result.job_id, result.checkpoint), known, keeper.now)
    after = _alias_json(session, job.cluster, alias)
    record(session, keeper.actor, Change("alias.set", "alias", alias, was, after), keeper.now)
    return job


def forget_alias(session: Session, keeper: Keeper, cluster: str, alias: str) -> None:
    """Forget an alias of a model or a result. Raises NotFound, NotAllowed."""
    row = alias_on(session, cluster, alias)
    was = _alias_json(session, cluster, alias)
    _require_alias(session, keeper, row.job_id if row is not None else None, alias)
    remove_alias(session, cluster, alias)
    record(session, keeper.actor, Change("alias.removed", "alias", alias, before=was), keeper.now)


def pin_result(session: Session, keeper: Keeper, result: ResultName) -> None:
    """Let clean-up spare a result. Raises NotFound, NotAllowed, Conflict, InvalidInput."""
    job = _own_job(session, keeper, result)
    _require_model(session, result, "name")
    if pins.add_pin(session, result, keeper.user.name, keeper.now):
        _record(session, keeper, "pinned", job, result)


def unpin_result(session: Session, keeper: Keeper, result: ResultName) -> None:
    """Let clean-up remove a result again. Raises NotFound, NotAllowed."""
    job = _own_job(session, keeper, result)
    if not pins.remove_pin(session, result):
        raise NotFound("it is not pinned")
    _record(session, keeper, "unpinned", job, result)


def grant_result(session: Session, keeper: Keeper, result: ResultName, team: str) -> grants.ModelGrant:
    """Let a team use a result. Raises NotFound, NotAllowed, Conflict, InvalidInput."""
    job = _own_job(session, keeper, result)
    _require_model(session, result, "name")
    granted = grants.add_grant(session, result, found_team(session, team).id, keeper.now)
    _record(session, keeper, "granted", job, result, {"team": team})
    return granted


def withdraw_grant(session: Session, keeper: Keeper, result: ResultName, team: str) -> None:
    """Take a result back from a team. Raises NotFound, NotAllowed."""
    job = _own_job(session, keeper, result)
    if not grants.remove_grant(session, result, found_team(session, team).id):
        raise NotFound(f"it was not granted to the team {team}")
    _record(session, keeper, "grant_removed", job, result, {"team": team})


def remove_result(session: Session, keeper: Keeper, result: ResultName) -> None:
    """Ask that what a job left, or one of its checkpoints, leaves the cluster; the job itself stays.

    Raises NotFound, NotAllowed, InvalidInput, and Conflict while it is pinned, has an alias, or is needed by jobs.
    """
    job = _own_job(session, keeper, result)
    if job.status not in ENDED:
        raise Conflict(f"job {job.id} is {job.status}", hint="it can be removed once the job has ended")
    _require_unneeded(session, keeper.user, result)
    _require_model(session, result, "name")
    if result.checkpoint is None:
        ask_output_removal(session, job, f"asked for by {keeper.user.name}", keeper.now)
    elif ask_removal(session, job.id, checkpoint_path(result.checkpoint), keeper.now):
        message = f"removal of checkpoint {result.checkpoint} asked for by {keeper.user.name}"
        record_event(session, job.id, "job.changed", message, keeper.now)
    _record(session, keeper, "removed", job, result)


def _own_job(session: Session, keeper: Keeper, result: ResultName) -> Job:
    """The job of a result, as it stays until the transaction ends."""
    job = locked_job(session, result.job_id)
    if not keeper.user.may_change(job.owner_id, job.team_id):
        hint = "its owner, a lead of its team, or an administrator can change it"
        raise NotAllowed(f"what job {job.id} left is not yours", hint=hint)
    return job


def _require_model(session: Session, result: ResultName, field: str) -> None:
    wrong = missing_model(source_jobs(session, [result.job_id])[result.job_id], result)
    if wrong is not None:
        raise InvalidInput([Finding((field,), wrong, "GET /api/v1/models?kind=result lists what is there")])


def _require_alias(session: Session, keeper: Keeper, job_id: str | None, alias: str) -> None:
    """Raises NotAllowed: an alias is changed by whoever may change what it means; of a catalogue by administrators."""
    job = job_by_id(session, job_id) if job_id is not None else None
    if keeper.user.is_administrator or (job is not None and keeper.user.may_change(job.owner_id, job.team_id)):
        return
    hint = "the owner of what it means, a lead of their team, or an administrator can change it"
    raise NotAllowed(f"the alias {alias} is not yours", hint=hint)


def _require_unneeded(session: Session, reader: Principal, result: ResultName) -> None:
    spared = spared_among(session, [result.job_id])
    if result in spared if result.checkpoint is not None else spared:
        hint = "take the pin off, and move or remove the alias"
        raise Conflict("it is pinned, or has an alias", hint=hint)
    if result.checkpoint is None:
        needed = users_of_output(session, result.job_id)
    else:
        needed = users_of_checkpoint(session, result.job_id, result.checkpoint)
    if needed:
        hint = "wait for them, or cancel them"
        raise Conflict(f"it is needed by {seen_words(session, needed, reader)}", hint=hint)


def _alias_json(session: Session, cluster: str, alias: str) -> dict[str, Any] | None:
    row = alias_on(session, cluster, alias)
    if row is None:
        return None
    job = job_by_id(session, row.job_id) if row.job_id is not None else None
    name = _name(session, job, row.checkpoint) if job is not None else row.model or row.job_id
    return {"model": name, "cluster": cluster}


def _record(
    session: Session,
    keeper: Keeper,
    action: str,
    job: Job,
    result: ResultName,
    after: Mapping[str, Any] | None = None,
) -> None:
    subject = _name(session, job, result.checkpoint)
    record(session, keeper.actor, Change(f"model.{action}", "model", subject, after=after), keeper.now)


def _name(session: Session, job: Job, checkpoint: int | None) -> str:
    return name_of(job, team_names(session, [job.team_id])[job.team_id], checkpoint)
