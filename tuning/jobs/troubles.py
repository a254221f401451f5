"""Poison jobs: rows of the steps that failed at a job (or a data set, or a cluster), and when they are tried again.

A row is there from the first failure until the step succeeds, or there is nothing left to do it for. It is written in
the transaction of whoever calls, with an event on the job for each new error.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

from sqlalchemy import ColumnElement, Select, bindparam, delete, exists, func, select
from sqlalchemy.orm import Session

from tuning.containment import frames_of, words_of
from tuning.errors import PacktrainError
from tuning.jobs.models import Job, JobDataset, Trouble
from tuning.jobs.status import ENDED, JobStatus
from tuning.jobs.transition import record_event

FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(minutes=10)


class Step(StrEnum):
    """A step of the worker, or of the server's feed, that may fail at one job."""

    SNAPSHOT = "facts"
    SETTLE = "settle"
    DEAD_ENDS = "dead_ends"
    SUBMIT = "submit"
    LAUNCH = "launch"
    TAKE_BACK = "take_back"
    WATCH = "watch"
    STALL = "stall"
    MAKE_ROOM = "make_room"
    SERVE_IDLE = "serve_idle"
    CANCEL = "cancel"
    REMOVE = "remove"
    TRY_OUT = "try_out"
    STAGE = "stage"
    COLLECT = "collect"
    NEWS = "news"
    CYCLE = "cycle"
    FEED_TICK = "feed_tick"
    FEED_PROGRESS = "feed_progress"
    FEED_EVENTS = "feed_events"
    FEED_LOGS = "feed_logs"
    FEED_BOARD = "feed_board"


_SECOND_CHANCE = (Step.REMOVE,)
"""Of these one failure may be a disk that is away for a moment: it is tried again at once, and told the second time."""
_OF_THE_JOB = (Step.SUBMIT, Step.LAUNCH)
_DEEDS: Mapping[Step, str] = {
    Step.SETTLE: "find out what became of its submission",
    Step.DEAD_ENDS: "end it, though it waits for what will not come",
    Step.SUBMIT: "hand it to Slurm",
    Step.LAUNCH: "get it started by Slurm",
    Step.WATCH: "take in what the cluster says of it",
    Step.SERVE_IDLE: "end it, though nobody talks to it",
    Step.STALL: "look after it, though it stands still",
    Step.CANCEL: "end it as was asked for",
    Step.REMOVE: "remove from the cluster what is to leave it",
    Step.STAGE: "copy a data set that it needs to the cluster",
    Step.FEED_TICK: "read its state for those who follow it",
    Step.FEED_PROGRESS: "show its progress to those who follow it",
    Step.FEED_EVENTS: "show one of its events to those who follow it",
    Step.FEED_LOGS: "show that its logs grow to those who follow it",
    Step.FEED_BOARD: "show its place in the queue to those who follow it",
}


@dataclass(frozen=True)
class Subject:
    """Subject of a failed step: a job, a data set, a content, a script, or the whole cluster."""

    id: str
    job_ids: Sequence[str] = field(default=())
    """The jobs that it concerns: they get the event."""

    @classmethod
    def job(cls, job_id: str) -> "Subject":
        """A job itself."""
        return cls(job_id, (job_id,))


OF_THE_CLUSTER = ""
THE_WHOLE = Subject(OF_THE_CLUSTER)
"""The subject of a step that failed as a whole."""


def pause(failures: int) -> timedelta:
    """Pause after so many failures in a row, before a step is tried again at the same subject. Pure."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(max(failures - 1, 0), 20))


def is_held(next_try_at: datetime, now: datetime) -> bool:
    """Whether its time has not come; one that is further away than any pause was set by a clock that jumped. Pure."""
    return now < next_try_at <= now + LONGEST_PAUSE


def note_failure(
    session: Session, cluster: str, step: Step, subject: Subject, error: BaseException, now: datetime
) -> datetime | None:
    """Count a failure, and tell the jobs of it unless it is the same as the last one. Returns when to try again.

    None: the job is gone, and nothing is noted.
    """
    row = session.get(Trouble, (cluster, step, subject.id))
    jobs = session.scalars(select(Job).where(Job.id.in_(subject.job_ids))).all() if subject.job_ids else []
    if subject.job_ids and not jobs:
        return None
    kind, trace = type(error).__name__[:100], frames_of(error)
    is_new = row is None or (row.error, _innermost(row.trace)) != (kind, _innermost(trace))
    if row is None:
        own = subject.id if any(job.id == subject.id for job in jobs) else None
        row = Trouble(cluster=cluster, step=step, subject=subject.id, job_id=own, failures=0, since=now)
        session.add(row)
    row.failures, row.error, row.message, row.trace = row.failures + 1, kind, words_of(error), trace
    may_be_the_sites = step in _SECOND_CHANCE and row.failures == 1
    row.next_try_at = now if may_be_the_sites else now + pause(row.failures)
    is_told = not may_be_the_sites and (is_new or (step in _SECOND_CHANCE and row.failures == 2))
    for job in jobs:
        _tell(session, job, row, error, now, is_new=is_told)
    return row.next_try_at


def forget(session: Session, cluster: str, step: Step, subjects: Collection[str]) -> None:
    """The step has succeeded at these, or there is nothing left to do."""
    own = (Trouble.cluster == cluster, Trouble.step == step, Trouble.subject.in_(subjects))
    session.execute(delete(Trouble).where(*own), execution_options={"synchronize_session": False})


def forget_whole_steps(session: Session, cluster: str) -> None:
    """Forget failed steps as wholes: the next driver tries each at once."""
    own = (Trouble.cluster == cluster, Trouble.subject == OF_THE_CLUSTER)
    session.execute(delete(Trouble).where(*own), execution_options={"synchronize_session": False})


def forget_everywhere(session: Session, steps: Collection[Step], subject: str | None = None) -> None:
    """On all clusters: the steps have succeeded at this subject, or, without one, they begin anew."""
    forgotten = delete(Trouble).where(Trouble.step.in_(steps))
    if subject is not None:
        forgotten = forgotten.where(Trouble.subject == subject)
    session.execute(forgotten, execution_options={"synchronize_session": False})


def known(session: Session, cluster: str, step: Step) -> dict[str, datetime]:
    """Time of the step's next try, by subject."""
    rows = session.connection().execute(_of_step(), {"cluster": cluster, "step": step})
    return {subject: next_try_at for subject, next_try_at in rows}  # noqa: C416 - dict() takes no rows, for mypy


def ended_subjects(session: Session, cluster: str) -> list[tuple[Step, str]]:
    """Of jobs that have ended, but for what is to leave the cluster, and of data that no queued job needs."""
    rows = session.connection().execute(_of_ended(), {"cluster": cluster})
    return [(Step(step), subject) for step, subject in rows]


def is_not_held(now: ColumnElement[datetime], latest: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Of a queued job: neither its submission, its start nor a data set of its waits to be tried again.

    `latest` is `now` and LONGEST_PAUSE.
    """
    is_waiting = (Trouble.next_try_at > now, Trouble.next_try_at <= latest)
    of_itself = exists().where(Trouble.job_id == Job.id, Trouble.step.in_(_OF_THE_JOB), *is_waiting)
    of_its_data = exists().where(
        JobDataset.job_id == Job.id,
        Trouble.subject == JobDataset.dataset_id,
        Trouble.cluster == Job.cluster,
        Trouble.step == Step.STAGE,
        *is_waiting,
    )
    return ~of_itself & ~of_its_data


def newest(session: Session, cluster: str, limit: int) -> list[Trouble]:
    """Of a cluster, those that began last."""
    rows = select(Trouble).where(Trouble.cluster == cluster).order_by(Trouble.since.desc(), Trouble.subject)
    return list(session.scalars(rows.limit(limit)))


def counts(session: Session) -> list[tuple[str, str, int]]:
    """(cluster, step, how many), of all that is in trouble."""
    rows = select(Trouble.cluster, Trouble.step, func.count()).group_by(Trouble.cluster, Trouble.step)
    return [(cluster, step, count) for cluster, step, count in session.execute(rows)]


def _innermost(trace: str) -> str:
    """The frame that raised: on which way it was come to makes no other error of it."""
    return trace.rpartition("\n")[2]


def _tell(session: Session, job: Job, row: Trouble, error: BaseException, now: datetime, *, is_new: bool) -> None:
    step = Step(row.step)
    why = str(error)[:500] if isinstance(error, PacktrainError) else row.error
    again = f"it is tried again at {row.next_try_at:%Y-%m-%d %H:%M:%S} UTC"
    message = f"packtrain could not {_DEEDS.get(step, step)} ({why}): {again}; the operator is told"
    if job.status is JobStatus.QUEUED:
        job.status_reason, job.version, job.updated_at = f"waiting: {message}", job.version + 1, now
    if is_new:
        record_event(session, job.id, "warning", message, now, {"step": step, "error": row.error})


# Kept: they are asked in each cycle.
@cache
def _of_step() -> Select[str, datetime]:
    own = (Trouble.cluster == bindparam("cluster"), Trouble.step == bindparam("step"))
    return select(Trouble.subject, Trouble.next_try_at).where(*own)


@cache
def _of_ended() -> Select[str, str]:
    of_ended = (Trouble.step != Step.REMOVE) & exists().where(Job.id == Trouble.job_id, Job.status.in_(ENDED))
    is_needed = exists().where(
        JobDataset.dataset_id == Trouble.subject,
        JobDataset.job_id == Job.id,
        Job.cluster == Trouble.cluster,
        Job.status == JobStatus.QUEUED,
    )
    of_data = (Trouble.step == Step.STAGE) & ~is_needed & (Trouble.subject != OF_THE_CLUSTER)
    return select(Trouble.step, Trouble.subject).where(Trouble.cluster == bindparam("cluster"), of_ended | of_data)
