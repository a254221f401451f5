"""Events of jobs: written with the notices about them, in the caller's transaction. Every event goes through here."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import CompoundSelect, Insert, bindparam, insert, select, union_all
from sqlalchemy.orm import Session

from tuning.db.engine import lock_event_order
from tuning.jobs.models import Job, JobEvent
from tuning.notices.events import is_chosen
from tuning.notices.models import Webhook, WebhookKind
from tuning.notices.outbox import write_deliveries
from tuning.notices.payload import JobNotice
from tuning.people.models import User

_IDS_AT_ONCE = 500
"""Variables of one statement: SQLite takes 32,766."""
Listener = tuple[str, Sequence[str], bool]
"""A webhook, what it chose, and whether it is a team's."""


def write_events(session: Session, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Write events of jobs whose rows are in the database, and a delivery for each webhook that chose one of them.

    On the connection: rows that nobody reads back need no ORM. Who listens is one query by indexes, and nothing more
    is asked or written where nobody does.
    """
    lock_event_order(session)
    session.connection().execute(_new_event(), list(rows))
    listeners = _listeners(session, list(dict.fromkeys(row["job_id"] for row in rows)))
    wanted = [
        (row, webhook_id, is_teams)
        for row in rows
        for webhook_id, chosen, is_teams in listeners.get(row["job_id"], ())
        if is_chosen(row["type"], chosen)
    ]
    if wanted:
        write_deliveries(session, _notices(session, wanted), now)


def _listeners(session: Session, job_ids: Sequence[str]) -> dict[str, list[Listener]]:
    """The webhooks that are on of some jobs, their owners and teams, by job."""
    found: dict[str, list[Listener]] = {}
    for start in range(0, len(job_ids), _IDS_AT_ONCE):
        some = job_ids[start : start + _IDS_AT_ONCE]
        # of one, nearly always: a statement that need not be made out for each number of ids
        listening, ids = (_listening(is_one=True), some[0]) if len(some) == 1 else (_listening(is_one=False), some)
        for job_id, *listener in session.connection().execute(listening, {"ids": ids}):
            found.setdefault(job_id, []).append((listener[0], listener[1], listener[2]))
    return found


def _notices(
    session: Session, wanted: Sequence[tuple[Mapping[str, Any], str, bool]]
) -> Iterator[tuple[str, JobNotice]]:
    """Notices to those who are not disabled, of all their jobs or of one."""
    jobs = {row.id: row for row in _jobs(session, sorted({event["job_id"] for event, _, _ in wanted}))}
    for event, webhook_id, is_teams in wanted:
        job = jobs[event["job_id"]]
        if is_teams or job.disabled_at is None:
            yield webhook_id, _notice(event, job)


def _jobs(session: Session, job_ids: Sequence[str]) -> Iterator[Any]:
    owner = (User.name.label("owner"), User.disabled_at)
    query = select(Job.id, Job.name, Job.kind, Job.status, Job.cluster, *owner).join(User, User.id == Job.owner_id)
    for start in range(0, len(job_ids), _IDS_AT_ONCE):
        yield from session.connection().execute(query.where(Job.id.in_(job_ids[start : start + _IDS_AT_ONCE])))


def _notice(event: Mapping[str, Any], job: Any) -> JobNotice:
    return JobNotice(
        event=event["type"],
        at=event["at"],
        message=event["message"],
        details=event["data"],
        job_id=job.id,
        job_name=job.name,
        kind=job.kind,
        status=job.status,
        cluster=job.cluster,
        owner=job.owner,
    )


@cache
def _new_event() -> Insert:
    return insert(JobEvent)


@cache
def _listening(*, is_one: bool) -> CompoundSelect[Any]:
    """Each part goes by an index of its own; an OR of them would have to read every webhook."""
    of_these = Job.id == bindparam("ids") if is_one else Job.id.in_(bindparam("ids", expanding=True))
    ways = (
        (Webhook.user_id == Job.owner_id) & Webhook.team_id.is_(None) & Webhook.job_id.is_(None),
        Webhook.team_id == Job.team_id,
        Webhook.job_id == Job.id,
    )
    columns = (Job.id, Webhook.id, Webhook.events, Webhook.team_id.is_not(None))
    parts = [select(*columns).join_from(Job, Webhook, way).where(of_these) for way in ways]
    # OpenAI has events of trainings alone
    is_told = (Webhook.kind != WebhookKind.OPENAI) | (Job.kind == "train")
    return union_all(*(part.where(Webhook.disabled_at.is_(None), is_told) for part in parts))
