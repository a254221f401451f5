"""Limits of a request for a job: what no waiting would make possible, and one more job in a queue that is full."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import Session

from tuning.errors import Finding
from tuning.jobs.models import Job
from tuning.jobs.queries.use.limits import load_limits, load_locked_limits, queued_tallies
from tuning.people.tokens import Principal
from tuning.queue.limits.admission import HeldBack, exceeded_by, never_fits
from tuning.queue.limits.limit import Bound, LimitedJob, LimitKind, Limits, SubjectKind, Tally, uses_of
from tuning.queue.limits.words import held_words

_PLACES: Mapping[LimitKind, tuple[str, ...]] = {
    LimitKind.RUNNING_JOBS: ("class",),
    LimitKind.GPUS: ("resources", "gpus_per_node"),
    LimitKind.GPU_HOURS: ("resources", "time_limit"),
    LimitKind.TIME_LIMIT: ("resources", "time_limit"),
}
"""Fields of a request that a limit speaks of; of the others it is the request as a whole."""
_HINTS: Mapping[LimitKind, str] = {
    LimitKind.RUNNING_JOBS: "choose another class or cluster, or ask an administrator",
    LimitKind.GPUS: "ask for fewer GPUs, or an administrator for more",
    LimitKind.GPU_HOURS: "ask for fewer GPUs or a shorter time limit",
    LimitKind.TIME_LIMIT: "ask for a shorter time limit: checkpoints are gone on from (continuation)",
    LimitKind.QUEUED_JOBS: "wait until some have started, or cancel some",
    LimitKind.RESULT_BYTES: "ask an administrator",
}


@dataclass(frozen=True)
class NewJob:
    """A job that is asked for, by somebody for a team of theirs."""

    owner: Principal
    team_id: str
    limits: LimitedJob


def check_limits(session: Session, job: NewJob, now: datetime, *, stored: bool) -> list[Finding]:
    """Findings about a request that exceeds a limit for good, or for which there is no room in the queue.

    Where the job is to be stored in this transaction (`stored`), whoever else adds one waits until its end.
    """
    limits = load_limits(session)
    place = job.limits.place
    bounds = [bound for bound in limits.of(place) if bound.limit.kind is LimitKind.QUEUED_JOBS]
    if bounds and stored:
        limits = load_locked_limits(session)
    full = _full_queues(session, job, limits, bounds) if bounds else []
    return list(_findings([*never_fits(job.limits, limits), *full], now))


def _full_queues(session: Session, job: NewJob, limits: Limits, bounds: Sequence[Bound]) -> list[HeldBack]:
    waiting = queued_tallies(session, _sharers(job, bounds))
    used = uses_of(limits, (), {LimitKind.QUEUED_JOBS: waiting})
    return exceeded_by(LimitKind.QUEUED_JOBS, Tally(job.limits.place, 1.0), limits, used)


def _sharers(job: NewJob, bounds: Sequence[Bound]) -> ColumnElement[bool] | None:
    """The jobs that count with this one in any of the limits: those of few people are found by an index."""
    kinds = {bound.limit.subject_kind for bound in bounds}
    if SubjectKind.EVERYBODY in kinds:
        return None
    own: ColumnElement[bool] = Job.owner_id == job.owner.user_id
    return or_(own, Job.team_id == job.team_id) if SubjectKind.TEAM in kinds else own


def _findings(found: Sequence[HeldBack], now: datetime) -> Iterator[Finding]:
    for held in found:
        kind = held.bound.limit.kind
        yield Finding(_PLACES.get(kind, ()), held_words(held, now), _HINTS.get(kind))
