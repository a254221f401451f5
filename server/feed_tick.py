"""The one question that the feed asks the database each tick, for all readers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from tuning.accounts.repository import valid_token_ids
from tuning.jobs import feed_repository
from tuning.jobs.feed_repository import IN_OUR_QUEUE, EventRow, JobState, LogFile

_OVERLAP = timedelta(seconds=60)
"""How far each look at `updated_at` reaches back behind the newest one seen: on PostgreSQL a transaction may become
visible later than another that is dated after it, and the clocks of servers and workers differ."""
_EVENTS_AT_ONCE = 1_000


@dataclass(frozen=True)
class Question:
    """What the readers of this moment want to know."""

    now: datetime
    newest: datetime | None
    """The newest `updated_at` seen; None in the first tick."""
    versions: Mapping[str, int]
    """What is held or waited for, by job id."""
    all_jobs: bool
    """Whether somebody follows the progress of every job."""
    in_our_queue: frozenset[str]
    after_event: int
    logs_of: Collection[str]
    token_ids: frozenset[str]


@dataclass(frozen=True)
class Answer:
    """What the database said."""

    newest: datetime | None
    states: Sequence[JobState]
    queue_positions: Mapping[str, int]
    queue_asked: Collection[str]
    events: Sequence[EventRow]
    newest_event: int
    log_positions: Mapping[LogFile, int]
    valid_tokens: frozenset[str]


def ask(session: Session, question: Question) -> Answer:
    """A handful of narrow queries, the same number however many read."""
    newest, changed = _changes(session, question)
    states = feed_repository.job_states(session, changed)
    queued = question.in_our_queue | {state.id for state in states if state.status in IN_OUR_QUEUE}
    is_first = question.newest is None
    events = [] if is_first else _events(session, question.after_event)
    newest_event = feed_repository.newest_event_id(session) if is_first else question.after_event
    return Answer(
        newest,
        states,
        feed_repository.queue_positions(session, queued),
        queued,
        events,
        events[-1].id if events else newest_event,
        feed_repository.log_positions(session, question.logs_of),
        valid_token_ids(session, question.token_ids, question.now),
    )


def _changes(session: Session, question: Question) -> tuple[datetime | None, list[str]]:
    """The newest change, and the ids of the jobs that somebody wants and has in an older version."""
    if question.newest is None:
        return feed_repository.newest_change(session) or question.now, []
    # not beyond our own clock: a writer whose clock is ahead must not hide what the others write
    since = min(question.newest, question.now) - _OVERLAP
    rows = feed_repository.versions_since(session, since)
    held = question.versions
    wanted = [job_id for job_id, version, _ in rows if _is_wanted(question, job_id) and held.get(job_id) != version]
    return max((updated_at for _, _, updated_at in rows), default=question.newest), wanted


def _is_wanted(question: Question, job_id: str) -> bool:
    return question.all_jobs or job_id in question.versions


def _events(session: Session, after: int) -> list[EventRow]:
    found = feed_repository.events_after(session, after, _EVENTS_AT_ONCE)
    while found and len(found) % _EVENTS_AT_ONCE == 0:
        more = feed_repository.events_after(session, found[-1].id, _EVENTS_AT_ONCE)
        if not more:
            break
        found += more
    return found
