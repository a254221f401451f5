"""Values of the queue page: its parts, or one filtered list, and the clusters' GPUs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from server.answers.jobs import listed
from server.answers.queue import entries, seen_rows
from server.dashboard.queue.filters import QueueFilters
from server.dashboard.queue.timeline import HeldGpus, Timeline, timeline
from server.feed.cache import Feed
from server.feed.queue.machine import run_ends
from server.feed.queue.view import QueueView
from server.schemas.job import JobJson
from server.schemas.queue import QueueEntry
from tuning.errors import InvalidInput
from tuning.jobs.models import Job
from tuning.jobs.queries.queue.lately_ended import lately_ended
from tuning.jobs.search.order import Sort
from tuning.jobs.search.page import Filter, list_jobs
from tuning.jobs.sight import sight_of
from tuning.jobs.status import ENDED, JobStatus
from tuning.people.directory import team_by_name
from tuning.people.queries import user_by_name, user_names
from tuning.people.tokens import Principal
from tuning.queue.waiting_job import Person

MOST_SHOWN = 50
MOST_ENDED = 20
_NOBODY = "nobody"
_ENDED = tuple(sorted(ENDED))


@dataclass(frozen=True)
class ClusterGpus:
    """GPUs of a cluster now, and until they come free."""

    cluster: str
    total: int
    in_use: int
    timeline: Timeline | None
    absence: str | None
    """The reason for which nothing newer is known, where that is so."""

    @property
    def free(self) -> int:
        """Of usable nodes."""
        return max(self.total - self.in_use, 0)


@dataclass(frozen=True)
class QueueParts:
    """The whole queue: its beginnings, and how many there are."""

    running: Sequence[JobJson] = ()
    has_more_running: bool = False
    waiting: Sequence[QueueEntry] = ()
    waiting_count: int = 0
    held: Sequence[JobJson] = ()
    has_more_held: bool = False
    ended: Sequence[JobJson] = ()
    clusters: Sequence[ClusterGpus] = ()


@dataclass(frozen=True)
class FilteredJobs:
    """One list of jobs, the newest first."""

    jobs: Sequence[JobJson] = ()
    next: str | None = None


@dataclass(frozen=True)
class QueueRequest:
    """The reader, the filters by id, and the sources of the page."""

    session: Session
    feed: Feed
    all_clusters: Sequence[str]
    clusters: Sequence[str]
    """Those that the filters leave."""
    reader: Principal
    filters: QueueFilters
    owner_id: str | None
    team_id: str | None


def queue_request(
    session: Session, feed: Feed, clusters: Iterable[str], reader: Principal, filters: QueueFilters
) -> QueueRequest:
    """Of an unknown person or team an id that nobody has, so that nothing is shown."""
    owner = user_by_name(session, filters.person) if filters.person else None
    team = team_by_name(session, filters.team) if filters.team else None
    return QueueRequest(
        session=session,
        feed=feed,
        all_clusters=sorted(clusters),
        clusters=[name for name in sorted(clusters) if filters.cluster in ("", name)],
        reader=reader,
        filters=filters,
        owner_id=(owner.id if owner is not None else _NOBODY) if filters.person else None,
        team_id=(team.id if team is not None else _NOBODY) if filters.team else None,
    )


def queue_parts(asked: QueueRequest) -> QueueParts:
    """The parts of the queue that the filters leave."""
    session, feed = asked.session, asked.feed
    views = [feed.queues.view(session, name) for name in asked.clusters]
    waiting = [(view, row) for view, row in seen_rows(views, asked.reader) if _is_wanted(row.job.person, asked)]
    running = list_jobs(session, _filter(asked, [JobStatus.RUNNING]), Sort.OLDEST, None, MOST_SHOWN)
    held = list_jobs(session, _filter(asked, [JobStatus.HELD]), Sort.NEWEST, None, MOST_SHOWN)
    return QueueParts(
        running=listed(session, running.jobs, feed),
        has_more_running=running.next is not None,
        waiting=entries(session, feed, waiting[:MOST_SHOWN], asked.reader),
        waiting_count=len(waiting),
        held=listed(session, held.jobs, feed),
        has_more_held=held.next is not None,
        ended=listed(session, _ended(asked), feed),
        clusters=[_gpus(asked, view) for view in views],
    )


def filtered_jobs(asked: QueueRequest) -> FilteredJobs:
    """The jobs that the filters leave; an unknown cursor begins anew."""
    wanted, after = _filter(asked, asked.filters.statuses), asked.filters.after or None
    try:
        page = list_jobs(asked.session, wanted, Sort.NEWEST, after, MOST_SHOWN)
    except InvalidInput:
        page = list_jobs(asked.session, wanted, Sort.NEWEST, None, MOST_SHOWN)
    return FilteredJobs(listed(asked.session, page.jobs, asked.feed), page.next)


def _ended(asked: QueueRequest) -> Sequence[Job]:
    """With filters by the time they were asked for, which an index can walk; else by their last change."""
    filters = asked.filters
    if filters.person or filters.team or filters.cluster:
        return list_jobs(asked.session, _filter(asked, _ENDED), Sort.NEWEST, None, MOST_ENDED).jobs
    return lately_ended(asked.session, sight_of(asked.reader), MOST_ENDED)


def _filter(asked: QueueRequest, statuses: Sequence[JobStatus]) -> Filter:
    filters = asked.filters
    return Filter(
        statuses=statuses,
        kind=filters.kind or None,
        owner_id=asked.owner_id,
        team_id=asked.team_id,
        cluster=filters.cluster or None,
        text=filters.q or None,
        sight=sight_of(asked.reader),
    )


def _is_wanted(person: Person, asked: QueueRequest) -> bool:
    return asked.owner_id in (None, person.name) and asked.team_id in (None, person.team)


def _gpus(asked: QueueRequest, view: QueueView) -> ClusterGpus:
    readings = view.readings
    nodes = [node for node in (readings.snapshot.nodes if readings.snapshot else ()) if node.is_usable]
    total, in_use = sum(node.gpus for node in nodes), sum(node.gpus_in_use for node in nodes)
    names = user_names(asked.session, {run.person.name for run in readings.rows.running})
    held = [
        HeldGpus(_seen_name(run.person, names, asked.reader), run.gpus, run_ends(run, readings).expected)
        for run in readings.rows.running
    ]
    absence = asked.feed.workers.absence(readings.cluster)
    sentence = absence.sentence(f"the cluster {readings.cluster}") if absence is not None else None
    return ClusterGpus(readings.cluster, total, in_use, timeline(held, total, readings.read_at.timestamp()), sentence)


def _seen_name(person: Person, names: Mapping[str, str], reader: Principal) -> str:
    return names.get(person.name, "") if reader.may_see(person.name, person.team) else ""
