"""Queries of the driver: the jobs that wait for a cluster, and those that are on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Update, bindparam, exists, func, insert, or_, select, tuple_, update
from sqlalchemy.orm import Session

from tuning.jobs.models import Attempt, AttemptTexts, FilePosition, Job, JobDataset
from tuning.jobs.output.growth import Position
from tuning.jobs.queries.dependencies import is_ready
from tuning.jobs.status import AWAITS_WORKER, ENDED, ON_CLUSTER, JobStatus
from tuning.jobs.transition import Step, transition_all
from tuning.jobs.troubles import LONGEST_PAUSE, is_not_held
from tuning.llamafactory.kinds import SERVE


@dataclass(frozen=True)
class LiveAttempt:
    """A job that Slurm has, and what we knew of it before this cycle."""

    job_id: str
    number: int
    token: str
    status: JobStatus
    slurm_job_id: int
    slurm_state: str | None
    slurm_reason: str | None
    expected_start_at: datetime | None
    submitted_at: datetime
    started_at: datetime | None
    cancel_requested_at: datetime | None
    missing_since: datetime | None
    missing_polls: int
    last_step: int | None
    shown_step: int | None
    """The greatest step that readers were told, of `shown_total`; an earlier attempt may have done it."""
    shown_total: int | None
    shown_elapsed: float | None = None
    """Seconds."""
    shown_eta: float | None = None
    """Seconds before `shown_end`: the estimate was made then."""
    shown_end: datetime | None = None
    quiet_until: datetime | None = None
    contradicted_since: datetime | None = None
    contradiction_told_at: datetime | None = None
    ended_by: str | None = None
    """The cause for which we are ending it."""
    positions: Mapping[str, Position] = field(default_factory=dict)
    """By stream: trainer_log, stdout, stderr."""


@dataclass(frozen=True)
class Unconfirmed:
    """A job whose sbatch may or may not have been heard."""

    job_id: str
    number: int
    token: str
    since: datetime


@dataclass(frozen=True)
class NewAttempt:
    """A row of `attempts`, and its texts."""

    job_id: str
    number: int
    token: str = field(repr=False)
    script: str
    config_yaml: str
    eta_state: Mapping[str, Any] | None


@dataclass(frozen=True)
class Confirmed:
    """An attempt that Slurm has."""

    job_id: str
    number: int
    slurm_job_id: int


def may_need_room(session: Session, cluster: str) -> bool:
    """Whether an urgent job waits inside Slurm while a scavenger runs, or any job while such a one serves a model.

    Asked in each cycle, and cheap.
    """
    return bool(session.connection().scalar(_may_need_room(), {"cluster": cluster}))


def waiting(
    session: Session, cluster: str, limit: int, now: datetime, only: ColumnElement[bool] | None = None
) -> dict[str, tuple[str, ...]]:
    """The queued jobs of a cluster that may be submitted, by own priority and age, with the data sets that each needs.

    Left out are those that wait for another job, or for the next try after a failure (tuning.jobs.troubles).
    """
    return datasets_needed(session, waiting_ids(session, cluster, limit, now, only))


def waiting_ids(
    session: Session, cluster: str, limit: int, now: datetime, only: ColumnElement[bool] | None = None
) -> Sequence[str]:
    """Ids of the queued jobs of a cluster that may be submitted (`only` those), by own priority and age.

    Asked often: where nothing waits it is cheap.
    """
    return session.connection().scalars(_waiting_among(only), {**_at(cluster, now), "most": limit}).all()


def datasets_needed(session: Session, job_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The data sets (ids) that each of these jobs needs, in the order of both."""
    needs: dict[str, tuple[str, ...]] = dict.fromkeys(job_ids, ())
    for job_id, dataset_id in session.connection().execute(_datasets_of(), {"job_ids": job_ids}) if job_ids else ():
        needs[job_id] += (dataset_id,)
    return needs


def ids_in_slurm(session: Session, cluster: str) -> frozenset[str]:
    """Ids of the jobs of a cluster that wait inside Slurm, or are just being handed over."""
    return frozenset(session.connection().scalars(_in_slurm(), {"cluster": cluster}))


def queue_sign(session: Session, cluster: str) -> Sequence[Any]:
    """Number and newest of the jobs of a cluster in each active status: a cheap sign of changes of the queue."""
    return [tuple(row) for row in session.connection().execute(_sign(), {"cluster": cluster})]


def tell_queued(session: Session, cluster: str, among: ColumnElement[bool], reason: str, now: datetime) -> None:
    """Give the queued jobs of a cluster among these the reason why they wait, where they say something else."""
    own = (Job.cluster == cluster, Job.status == JobStatus.QUEUED, among)
    other = or_(Job.status_reason.is_(None), Job.status_reason != reason)
    news = {"status_reason": reason, "version": Job.version + 1, "updated_at": now}
    session.execute(update(Job).where(*own, other).values(**news), execution_options={"synchronize_session": False})


def queued_jobs(session: Session, cluster: str, job_ids: Sequence[str], now: datetime) -> Sequence[Job]:
    """The jobs among these that may still be submitted, in their order."""
    return session.scalars(_queued_of(), {**_at(cluster, now), "job_ids": job_ids}).all()


def begin_attempts(
    session: Session, attempts: Sequence[NewAttempt], records: Mapping[str, Mapping[str, Any]], now: datetime
) -> None:
    """Claim queued jobs: a new attempt each, and the job's record, by its id.

    The tokens are committed with the claim, before any sbatch.
    """
    if not attempts:
        return
    new = {"created_at": now, "missing_polls": 0}
    columns = ("job_id", "number", "token", "eta_state")
    rows = [{**{name: getattr(each, name) for name in columns}, **new} for each in attempts]
    session.connection().execute(insert(Attempt), rows)
    session.connection().execute(insert(AttemptTexts), [_texts(each) for each in attempts])
    steps = [
        Step(each.job_id, each.number, "being handed to Slurm", {"record": records[each.job_id]}) for each in attempts
    ]
    transition_all(session, steps, JobStatus.QUEUED, JobStatus.SUBMITTING, now)


def _texts(attempt: NewAttempt) -> dict[str, Any]:
    own = {"job_id": attempt.job_id, "attempt": attempt.number}
    return {**own, "script": attempt.script, "config_yaml": attempt.config_yaml}


def confirm_attempts(session: Session, confirmed: Sequence[Confirmed], now: datetime) -> None:
    """Slurm has these jobs."""
    if not confirmed:
        return
    rows = [{"of": each.job_id, "at_number": each.number, "slurm_job_id": each.slurm_job_id} for each in confirmed]
    session.connection().execute(_confirmation(), [{**row, "submitted_at": now} for row in rows])
    steps = [
        Step(each.job_id, each.number, f"Slurm job {each.slurm_job_id}",
             {"slurm_job_id": each.slurm_job_id, "slurm_state": "PENDING"})
        for each in confirmed
    ]  # fmt: skip
    transition_all(session, steps, JobStatus.SUBMITTING, JobStatus.PENDING, now)


def unconfirmed(session: Session, cluster: str) -> list[Unconfirmed]:
    """The jobs that were being submitted when their driver stopped, or whose answer was lost."""
    return [Unconfirmed(*row) for row in session.connection().execute(_unconfirmed(), {"cluster": cluster})]


def live_attempts(session: Session, cluster: str) -> list[LiveAttempt]:
    """Every job of a cluster that Slurm has, without its wide columns: this is read each cycle."""
    of = {"cluster": cluster}
    positions = _positions(session, _positions_of_live(), of)
    rows = session.connection().execute(_live(), of)
    return [LiveAttempt(*(*row, positions.get((row[0], row[1]), {}))) for row in rows]


def doubtful_attempts(session: Session, cluster: str, now: datetime, limit: int) -> list[LiveAttempt]:
    """Ended jobs whose end is to be looked at again by now, those first that have waited longest."""
    of = {"cluster": cluster, "now": now, "most": limit}
    rows = session.connection().execute(_doubtful(), of).all()
    if not rows:
        return []
    positions = _positions(session, _positions_of(), {"keys": [(row[0], row[1]) for row in rows]})
    return [LiveAttempt(*(*row, positions.get((row[0], row[1]), {}))) for row in rows]


def eta_states(session: Session, attempts: Sequence[LiveAttempt]) -> dict[tuple[str, int], Mapping[str, Any]]:
    """Stored ETA states of these attempts, by job and attempt; missing where nothing is stored."""
    keys = [(each.job_id, each.number) for each in attempts]
    rows = session.connection().execute(_paces(), {"keys": keys}) if keys else ()
    return {(job_id, number): state for job_id, number, state in rows}


def update_jobs(session: Session, changes: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Write visible changes to many jobs, each with its `id`, all with the same other keys; versions grow.

    The status is not among them: it has its own door.
    """
    if not changes:
        return
    names = tuple(name for name in changes[0] if name != "id")
    rows = [{"row_id": change["id"], "now": now, **{name: change[name] for name in names}} for change in changes]
    session.connection().execute(_change(names), rows)


# Kept: these are asked ten times a second or in each cycle, and to build them costs several times what it costs to run
# them.
@cache
def _queued() -> Select[Job]:
    wanted = (Job.cluster == bindparam("cluster"), Job.status == JobStatus.QUEUED, Job.cancel_requested_at.is_(None))
    moment = Job.updated_at.type
    is_free = is_not_held(bindparam("now", type_=moment), bindparam("latest", type_=moment))
    return select(Job).where(*wanted, is_ready(), is_free).order_by(Job.priority.desc(), Job.created_at, Job.id)


def _at(cluster: str, now: datetime) -> dict[str, Any]:
    return {"cluster": cluster, "now": now, "latest": now + LONGEST_PAUSE}


@cache
def _waiting_ids() -> Select[str]:
    return _queued().with_only_columns(Job.id).limit(bindparam("most"))


@cache
def _may_need_room() -> Select[bool]:
    own = Job.cluster == bindparam("cluster")
    waits, runs = (own, Job.status == JobStatus.PENDING), (own, Job.status == JobStatus.RUNNING)
    scavenges = Job.job_class == "scavenger"
    urgent, others = exists().where(*waits, Job.job_class == "urgent"), exists().where(*waits, ~scavenges)
    # first what runs: that is less than what may be pending, and all of either is looked through for its class
    yields, serves = exists().where(*runs, scavenges), exists().where(*runs, scavenges, Job.kind == SERVE)
    return select((yields & urgent) | (serves & others))


@cache
def _in_slurm() -> Select[str]:
    waits = (JobStatus.SUBMITTING, JobStatus.PENDING)
    return select(Job.id).where(Job.cluster == bindparam("cluster"), Job.status.in_(waits))


@cache
def _sign() -> Select[*tuple[Any, ...]]:
    own = (Job.cluster == bindparam("cluster"), Job.status.in_(AWAITS_WORKER))
    counts = select(Job.status, func.count(), func.max(Job.created_at)).where(*own)
    return counts.group_by(Job.status).order_by(Job.status)


def _waiting_among(only: ColumnElement[bool] | None) -> Select[str]:
    return _waiting_ids() if only is None else _waiting_ids().where(only)


@cache
def _queued_of() -> Select[Job]:
    return _queued().where(Job.id.in_(bindparam("job_ids", expanding=True)))


@cache
def _datasets_of() -> Select[str, str]:
    own = JobDataset.job_id.in_(bindparam("job_ids", expanding=True))
    return select(JobDataset.job_id, JobDataset.dataset_id).where(own).order_by(JobDataset.job_id, JobDataset.position)


@cache
def _unconfirmed() -> Select[*tuple[Any, ...]]:
    return (
        select(Attempt.job_id, Attempt.number, Attempt.token, Attempt.created_at)
        .join(Job, (Job.id == Attempt.job_id) & (Job.attempt == Attempt.number))
        .where(Job.cluster == bindparam("cluster"), Job.status == JobStatus.SUBMITTING)
    )


@cache
def _confirmation() -> Update:
    own = (Attempt.job_id == bindparam("of"), Attempt.number == bindparam("at_number"))
    given: dict[str, Any] = {name: bindparam(name) for name in ("slurm_job_id", "submitted_at")}
    return update(Attempt).where(*own).values(**given, unconfirmed_since=None)


@cache
def _change(names: tuple[str, ...]) -> Update:
    changed: dict[str, Any] = {name: bindparam(name) for name in names}
    changed |= {"version": Job.version + 1, "updated_at": bindparam("now", type_=Job.updated_at.type)}
    return update(Job).where(Job.id == bindparam("row_id")).values(changed)


@cache
def _live() -> Select[*tuple[Any, ...]]:
    return _attempts().where(Job.status.in_(ON_CLUSTER)).order_by(Job.created_at)


@cache
def _doubtful() -> Select[*tuple[Any, ...]]:
    wanted = (Job.status.in_(ENDED), Attempt.recheck_at <= bindparam("now", type_=Attempt.recheck_at.type))
    known = (Attempt.slurm_job_id.is_not(None), Attempt.submitted_at.is_not(None))
    return _attempts().where(*wanted, *known).order_by(Attempt.recheck_at).limit(bindparam("most"))


def _attempts() -> Select[*tuple[Any, ...]]:
    """In the order of LiveAttempt's fields."""
    return (
        select(
            Attempt.job_id,
            Attempt.number,
            Attempt.token,
            Job.status,
            Attempt.slurm_job_id,
            Job.slurm_state,
            Job.slurm_reason,
            Job.expected_start_at,
            Attempt.submitted_at,
            Attempt.started_at,
            Job.cancel_requested_at,
            Attempt.missing_since,
            Attempt.missing_polls,
            Attempt.last_step,
            Job.current_steps.label("shown_step"),
            Job.total_steps.label("shown_total"),
            Job.elapsed_seconds.label("shown_elapsed"),
            Job.eta_seconds.label("shown_eta"),
            Job.expected_end_at.label("shown_end"),
            Attempt.quiet_until,
            Attempt.contradicted_since,
            Attempt.contradiction_told_at,
            Attempt.ended_by,
        )
        .join(Attempt, (Job.id == Attempt.job_id) & (Job.attempt == Attempt.number))
        .where(Job.cluster == bindparam("cluster"))
    )


@cache
def _paces() -> Select[str, int, dict[str, Any] | None]:
    own = tuple_(Attempt.job_id, Attempt.number).in_(bindparam("keys", expanding=True))
    return select(Attempt.job_id, Attempt.number, Attempt.eta_state).where(own, Attempt.eta_state.is_not(None))


@cache
def _positions_of_live() -> Select[*tuple[Any, ...]]:
    own = (Job.id == FilePosition.job_id) & (Job.attempt == FilePosition.attempt)
    return _positions_by_key().join(Job, own).where(Job.cluster == bindparam("cluster"), Job.status.in_(ON_CLUSTER))


@cache
def _positions_of() -> Select[*tuple[Any, ...]]:
    keys = tuple_(FilePosition.job_id, FilePosition.attempt)
    return _positions_by_key().where(keys.in_(bindparam("keys", expanding=True)))


def _positions_by_key() -> Select[*tuple[Any, ...]]:
    columns = (FilePosition.inode, FilePosition.size_bytes, FilePosition.offset_bytes, FilePosition.bad_lines)
    return select(FilePosition.job_id, FilePosition.attempt, FilePosition.stream, *columns)


def _positions(
    session: Session, query: Select[*tuple[Any, ...]], of: Mapping[str, Any]
) -> dict[tuple[str, int], dict[str, Position]]:
    found: dict[tuple[str, int], dict[str, Position]] = {}
    for job_id, number, stream, *position in session.connection().execute(query, of):
        found.setdefault((job_id, number), {})[stream] = Position(*position)
    return found
