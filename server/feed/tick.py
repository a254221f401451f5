"""Query of the feed to the database, once a tick for all readers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from server.feed.queue.board import QueueBoard
from server.feed.queue.view import Outlook
from server.feed.troubles import FORESEEN, Failed, one_by_one
from tuning.clusters.attendance import WorkerSign
from tuning.clusters.repository import worker_signs
from tuning.containment import Contained
from tuning.jobs.output.logs import LogFile
from tuning.jobs.queries import feed
from tuning.jobs.queries.feed import EventRow, JobState
from tuning.jobs.status import NOT_BEGUN
from tuning.jobs.troubles import Step
from tuning.people.queries import token_owners, token_versions
from tuning.people.roles import Visibility
from tuning.people.tokens import Principal, principal_of

_OVERLAP = timedelta(seconds=60)
"""Time that each look at `updated_at` reaches back behind the newest one seen: on PostgreSQL a transaction may become
visible later than another that is dated after it, and the clocks of servers and workers differ."""
_EVENTS_AT_ONCE = 1_000


@dataclass(frozen=True)
class Question:
    """Question of a tick: the state that the feed holds, and the subjects that its readers follow."""

    now: datetime
    newest: datetime | None
    """The newest `updated_at` seen; None in the first tick."""
    versions: Mapping[str, int]
    """Versions of the jobs that are held or waited for, by id."""
    all_jobs: bool
    """Whether somebody follows the progress of every job."""
    waiting: Mapping[str, str]
    """Clusters of the jobs that are held in memory and have not begun, by id."""
    after_event: int
    logs_of: Collection[str]
    tokens: Mapping[str, int]
    """Version of the user of each token in use, by the token's id."""
    visible: Visibility = Visibility.EVERYBODY
    """What members see of others."""
    clusters: frozenset[str] = frozenset()
    """Clusters whose workers are watched."""
    held: Mapping[Step, frozenset[str]] = field(default_factory=dict)
    """Jobs that are left out, by step."""

    def but_for_held(self, step: Step, job_ids: Collection[str]) -> frozenset[str]:
        """These jobs, but for those that are left out of a step."""
        return frozenset(job_ids) - self.held.get(step, frozenset())


@dataclass(frozen=True)
class Answer:
    """The database's answer to the question of a tick."""

    newest: datetime | None
    states: Sequence[JobState]
    outlooks: Mapping[str, Outlook]
    """Places in the queue and expected starts, by job id."""
    queue_asked: Collection[str]
    events: Sequence[EventRow]
    newest_event: int
    log_positions: Mapping[LogFile, int]
    valid_tokens: Collection[str]
    principals: Sequence[Principal]
    """Of the tokens whose user is not what the feed knows."""
    worker_signs: Sequence[WorkerSign] = ()
    failed: Sequence[Failed] = ()
    """Failures to read single jobs."""


def ask(session: Session, question: Question, queues: QueueBoard) -> Answer:
    """A handful of narrow queries, the same number however many read; more of them only where one job's rows fail."""
    newest, changed = _changes(session, question)
    states: dict[str, JobState] = {}
    outlooks: dict[str, Outlook] = {}
    logs: dict[LogFile, int] = {}

    def read_states(job_ids: Collection[str]) -> None:
        states.update({state.id: state for state in feed.job_states(session, job_ids)})

    def read_outlooks(job_ids: Collection[str]) -> None:
        outlooks.update(queues.outlooks(session, ((waiting[job_id], job_id) for job_id in job_ids)))

    def read_logs(job_ids: Collection[str]) -> None:
        logs.update(feed.log_positions(session, job_ids))

    wanted = question.but_for_held(Step.FEED_PROGRESS, question.but_for_held(Step.FEED_TICK, changed))
    failed = one_by_one(Step.FEED_TICK, wanted, read_states)
    changed_waiting = {state.id: state.cluster for state in states.values() if state.status in NOT_BEGUN}
    waiting = {**question.waiting, **changed_waiting}
    asked = question.but_for_held(Step.FEED_BOARD, waiting)
    failed += one_by_one(Step.FEED_BOARD, asked, read_outlooks)
    failed += one_by_one(Step.FEED_LOGS, question.but_for_held(Step.FEED_LOGS, question.logs_of), read_logs)
    versions = token_versions(session, question.tokens, question.now)
    events = _no_events(session) if question.newest is None else _events(session, question.after_event)
    return Answer(
        newest,
        list(states.values()),
        outlooks,
        asked,
        events.rows,
        events.last_id,
        logs,
        frozenset(versions),
        _changed_principals(session, question, versions),
        worker_signs(session, question.clusters),
        [*failed, *events.failed],
    )


@dataclass(frozen=True)
class ReadEvents:
    """Events in their order."""

    rows: Sequence[EventRow]
    last_id: int
    """Up to it there are no others."""
    failed: Sequence[Failed] = ()
    """Failures to read."""


def read_events(session: Session, after: int, limit: int, job_id: str | None = None) -> ReadEvents:
    """At most so many of the next events; those that cannot be read are left out."""
    with Contained(*FORESEEN):
        rows = feed.events_after(session, after, limit, job_id)
        return ReadEvents(rows, rows[-1].id if rows else after)
    found, failed, last_id = feed.events_one_by_one(session, after, limit, job_id)
    return ReadEvents(found, last_id, [Failed(Step.FEED_EVENTS, of, error) for of, error in failed])


def _changed_principals(session: Session, question: Question, versions: Mapping[str, int]) -> list[Principal]:
    changed = [token_id for token_id, version in versions.items() if question.tokens[token_id] != version]
    return [principal_of(found, question.visible) for found in token_owners(session, changed)]


def _changes(session: Session, question: Question) -> tuple[datetime | None, list[str]]:
    """The newest change, and the ids of the jobs that somebody wants and has in an older version."""
    if question.newest is None:
        return feed.newest_change(session) or question.now, []
    # not beyond our own clock: a writer whose clock is ahead must not hide what the others write
    since = min(question.newest, question.now) - _OVERLAP
    rows = feed.versions_since(session, since)
    held = question.versions
    wanted = [job_id for job_id, version, _ in rows if _is_wanted(question, job_id) and held.get(job_id) != version]
    return max((updated_at for _, _, updated_at in rows), default=question.newest), wanted


def _is_wanted(question: Question, job_id: str) -> bool:
    return question.all_jobs or job_id in question.versions


def _no_events(session: Session) -> ReadEvents:
    return ReadEvents([], feed.newest_event_id(session))


def _events(session: Session, after: int) -> ReadEvents:
    rows: list[EventRow] = []
    failed: list[Failed] = []
    while True:
        page = read_events(session, after, _EVENTS_AT_ONCE)
        rows += page.rows
        failed += page.failed
        if len(page.rows) + len(page.failed) < _EVENTS_AT_ONCE:
            return ReadEvents(rows, page.last_id, failed)
        after = page.last_id
