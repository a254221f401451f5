"""Routes of the queue: each waiting job with its place, the reasons for it, and its expected start."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from server.api.jobs.answers import found_job
from server.api.pages import DEFAULT_LIMIT, After, Fields, Limit, Line, Page, with_fields
from server.dependencies import ClustersDep, CurrentUser, FeedDep, JobId, SessionDep
from server.feed.cache import Feed
from server.feed.queue.machine import run_ends
from server.feed.queue.view import QueueView, moment
from server.feed.queue.waits import Surroundings, Wait, WaitKind, wait_of
from server.http.problems import responses
from server.schemas.queue import QueueEntry, Rank, WaitsFor, expected_times
from tuning.errors import Conflict, Finding, InvalidInput
from tuning.jobs.models import Job
from tuning.jobs.queries.queue_entries import job_names, jobs_without_data
from tuning.jobs.queries.standing import WaitingRow, as_waiting_job
from tuning.jobs.status import IN_OUR_QUEUE, NOT_BEGUN, JobStatus
from tuning.people.queries import team_names, user_names
from tuning.people.tokens import Principal
from tuning.queue.waiting_job import Person

router = APIRouter(tags=["queue"])

_LONGEST_CURSOR = 9


class QueueQuery(BaseModel):
    """Part of the queue that is wanted. An unknown name is an error."""

    model_config = ConfigDict(extra="forbid")

    cluster: Line | None = Field(default=None, description="Of this cluster only.")
    limit: Limit = DEFAULT_LIMIT
    after: After = None
    fields: Fields = None


@router.get("/queue", response_model=Page[QueueEntry])
def show_queue(
    session: SessionDep,
    feed: FeedDep,
    clusters: ClustersDep,
    user: CurrentUser,
    query: Annotated[QueueQuery, Query()],
) -> Page[QueueEntry] | Response:
    """The jobs that have not begun and that the user may see, in their order: those inside Slurm first, held ones not.

    It is a few seconds old at most. A page begins behind a place: a job that moved since may be on two or on none.
    """
    cluster = query.cluster
    if cluster is not None and cluster not in clusters:
        hint = f"the clusters are: {', '.join(sorted(clusters)) or 'none yet'}"
        raise InvalidInput([Finding(("query", "cluster"), f"there is no cluster {cluster}", hint)])
    views = [feed.queues.view(session, name) for name in sorted(clusters) if cluster in (None, name)]
    rows = [(view, row) for view in views for row in view.rows if user.may_see(*_whose(row.job.person))]
    start = _start(query.after)
    page = rows[start : start + query.limit]
    end = start + len(page)
    next_ = str(end) if end < len(rows) else None
    found = Page[QueueEntry](data=_entries(session, feed, page, user), has_more=next_ is not None, next=next_)
    return with_fields(found, QueueEntry, query.fields)


@router.get("/jobs/{job_id}/queue", responses=responses(404, 409))
def show_job_in_queue(job_id: JobId, session: SessionDep, feed: FeedDep, user: CurrentUser) -> QueueEntry:
    """The entry of a job, held and running ones too. 409 for one that has ended."""
    job = found_job(session, job_id, user)
    if job.status in NOT_BEGUN:
        view = feed.queues.view_with(session, job.cluster, [job_id])
        return _entries(session, feed, [(view, _row(view, job))], user)[0]
    if job.status is JobStatus.RUNNING:
        return _running(session, feed.queues.view(session, job.cluster), job)
    raise Conflict(f"job {job_id} has {job.status}: it is in no queue")


def _start(after: str | None) -> int:
    if after is None:
        return 0
    if not after.isascii() or not after.isdigit() or len(after) > _LONGEST_CURSOR:
        raise InvalidInput([Finding(("query", "after"), "unknown cursor", "give the `next` of the page before")])
    return int(after)


@dataclass(frozen=True)
class _Names:
    """Names of the jobs of a page, and of their owners and teams, by id."""

    jobs: Mapping[str, str]
    users: Mapping[str, str]
    teams: Mapping[str, str]


def _names(session: Session, jobs: Collection[str], people: Collection[Person]) -> _Names:
    users, teams = (person.name for person in people), (person.team for person in people)
    return _Names(job_names(session, jobs), user_names(session, users), team_names(session, teams))


def _whose(person: Person) -> tuple[str, str]:
    """Ids of owner and team."""
    return person.name, person.team


def _seen(wait: Wait, view: QueueView, user: Principal) -> Wait:
    """The wait without the runs that the user may not see."""
    runs = {run.job_id for run in view.readings.rows.running if user.may_see(*_whose(run.person))}
    runs |= {row.job.id for row in view.rows if user.may_see(*_whose(row.job.person))}
    return replace(wait, held_by=[each for each in wait.held_by if each.job_id in runs])


def _entries(
    session: Session, feed: Feed, rows: Sequence[tuple[QueueView, WaitingRow]], user: Principal
) -> list[QueueEntry]:
    """The entries of a page, in a handful of queries; a job that was deleted meanwhile is left out."""
    names = _names(session, [row.job.id for _, row in rows], [row.job.person for _, row in rows])
    lacking: set[str] = set()
    for cluster, job_ids in _by_cluster(rows).items():
        lacking |= jobs_without_data(session, cluster, job_ids)
    entries = []
    for view, row in rows:
        absence = (
            feed.workers.absence(view.readings.cluster) if view.readings.cluster in feed.workers.clusters else None
        )
        sentence = absence.sentence(f"the cluster {view.readings.cluster}") if absence is not None else None
        wait = wait_of(row, view, Surroundings(sentence, row.job.id in lacking))
        if row.job.id in names.jobs:
            entries.append(_entry(view, row, names, wait if user.sees_all else _seen(wait, view, user)))
    return entries


def _by_cluster(rows: Sequence[tuple[QueueView, WaitingRow]]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for view, row in rows:
        found[view.readings.cluster].append(row.job.id)
    return found


def _entry(view: QueueView, row: WaitingRow, names: _Names, wait: Wait) -> QueueEntry:
    job, read_at = row.job, view.readings.read_at
    rank = Rank.of(job, view.standings.get(job.person), read_at)
    return QueueEntry(
        position=view.place(job.id) if row.status in IN_OUR_QUEUE else None,
        job_id=job.id,
        name=names.jobs[job.id],
        owner=names.users.get(job.person.name, ""),
        team=names.teams.get(job.person.team, ""),
        job_class=rank.job_class,
        cluster=view.readings.cluster,
        status=row.status,
        rank=rank,
        waits_for=WaitsFor.of(wait),
        **expected_times(view.forecasts().get(job.id)),
    )


def _row(view: QueueView, job: Job) -> WaitingRow:
    """The row of a job; it may be newer than the last look at the queue."""
    known = view.row(job.id)
    if known is not None and known.status is job.status:
        return known
    return WaitingRow(as_waiting_job(job), job.status, job.partition, job.status_reason, job.expected_start_at)


def _running(session: Session, view: QueueView, job: Job) -> QueueEntry:
    """The entry of a job that runs: it waits for nothing."""
    row = _row(view, job)
    names = _names(session, [job.id], [row.job.person])
    entry = _entry(view, row, names, Wait(WaitKind.NOTHING, "it runs"))
    run = next((each for each in view.readings.rows.running if each.job_id == job.id), None)
    times: dict[str, object] = dict.fromkeys(
        ("expected_start_at", "expected_start_low_at", "expected_start_high_at"), job.started_at
    )
    if run is not None:
        ends = run_ends(run, view.readings)
        times |= {"expected_end_at": moment(ends.expected)}
        times |= {"expected_end_low_at": moment(ends.low), "expected_end_high_at": moment(ends.high)}
    return entry.model_copy(update=times)
