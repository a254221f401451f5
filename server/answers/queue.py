"""Entries of the queue as answers show them: place, rank, what is waited for, and the forecast."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy.orm import Session

from server.feed.cache import Feed
from server.feed.queue.machine import run_ends
from server.feed.queue.view import QueueView, moment
from server.feed.queue.waits import Surroundings, Wait, WaitKind, wait_of
from server.schemas.queue import QueueEntry, Rank, WaitsFor, expected_times
from tuning.errors import Conflict
from tuning.jobs.models import Job
from tuning.jobs.queries.queue.queue_entries import job_names, jobs_without_data
from tuning.jobs.queries.queue.standing import WaitingRow, as_waiting_job
from tuning.jobs.queries.seen_jobs import seen_among
from tuning.jobs.status import IN_OUR_QUEUE, NOT_BEGUN, JobStatus
from tuning.people.queries import team_names, user_names
from tuning.people.tokens import Principal
from tuning.queue.waiting_job import Person


def seen_rows(views: Sequence[QueueView], user: Principal) -> list[tuple[QueueView, WaitingRow]]:
    """The rows that the user may see, in their order."""
    return [(view, row) for view in views for row in view.rows if user.may_see(*_whose(row.job.person))]


def job_entry(session: Session, feed: Feed, job: Job, user: Principal) -> QueueEntry:
    """The entry of one job, held and running ones too. Raises Conflict for one that has ended."""
    if job.status in NOT_BEGUN:
        view = feed.queues.view_with(session, job.cluster, [job.id])
        return entries(session, feed, [(view, _row(view, job))], user)[0]
    if job.status is JobStatus.RUNNING:
        return _running(session, feed.queues.view(session, job.cluster), job)
    raise Conflict(f"job {job.id} has {job.status}: it is in no queue")


@dataclass(frozen=True)
class Before:
    """Jobs before a waiting one: how many, and the entries of the nearest of those that may be seen."""

    count: int = 0
    nearest: Sequence[QueueEntry] = ()


def jobs_before(session: Session, feed: Feed, job: Job, user: Principal, most: int) -> Before:
    """The jobs before a waiting one in its cluster's queue, those inside Slurm too; none before one that is held."""
    view = feed.queues.view_with(session, job.cluster, [job.id])
    index = next((index for index, row in enumerate(view.rows) if row.job.id == job.id), None)
    if index is None:
        return Before()
    seen = (row for row in reversed(view.rows[:index]) if user.may_see(*_whose(row.job.person)))
    rows = [(view, row) for row in islice(seen, most)]
    return Before(index, entries(session, feed, rows[::-1], user))


def entries(
    session: Session, feed: Feed, rows: Sequence[tuple[QueueView, WaitingRow]], user: Principal
) -> list[QueueEntry]:
    """The entries of a page, in a handful of queries; a job that was deleted meanwhile is left out."""
    names = _names(session, [row.job.id for _, row in rows], [row.job.person for _, row in rows])
    lacking: set[str] = set()
    for cluster, job_ids in _by_cluster(rows).items():
        lacking |= jobs_without_data(session, cluster, job_ids)
    hidden = _hidden(session, rows, user)
    entries = []
    for view, row in rows:
        absence = (
            feed.workers.absence(view.readings.cluster) if view.readings.cluster in feed.workers.clusters else None
        )
        sentence = absence.sentence(f"the cluster {view.readings.cluster}") if absence is not None else None
        wait = wait_of(row, view, Surroundings(sentence, row.job.id in lacking, hidden), user)
        if row.job.id in names.jobs:
            entries.append(_entry(view, row, names, wait))
    return entries


def _hidden(session: Session, rows: Sequence[tuple[QueueView, WaitingRow]], user: Principal) -> Collection[str]:
    """Ids of the jobs that some of a page wait for, and that the user may not see."""
    awaited = {job_id for view, row in rows for job_id in view.readings.unmet.get(row.job.id, ())}
    return awaited - seen_among(session, awaited, user)


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
