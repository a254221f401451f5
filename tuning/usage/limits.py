"""Rows of limits: set, removed, listed, and locked for whoever is to keep within them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from tuning.db.engine import insert_if_new, lock_event_order
from tuning.errors import Conflict, NotFound
from tuning.ids import new_id
from tuning.usage.models import LimitRow

MOST_LIMITS = 5_000
"""All of them are read whenever a job is claimed."""
_ORDER = (LimitRow.subject_kind, LimitRow.subject, LimitRow.kind, LimitRow.cluster, LimitRow.partition)
# Asked with every submission and every claim: made once, and read past the ORM.
_COLUMNS = tuple(LimitRow.__table__.columns)
_ALL = select(*_COLUMNS).order_by(*_ORDER, LimitRow.job_class).limit(MOST_LIMITS)
_LOCK = update(LimitRow).values(created_at=LimitRow.created_at).returning(*_COLUMNS)


@dataclass(frozen=True)
class LimitPlace:
    """Subject, kind and scope of a limit: everything but its amount; there is one limit at most of each."""

    subject_kind: str
    subject: str
    kind: str
    cluster: str = ""
    partition: str = ""
    job_class: str = ""


def limit_rows(session: Session) -> Sequence[Row[*tuple[Any, ...]]]:
    """All limits as rows of LimitRow's columns, by subject and kind."""
    return session.connection().execute(_ALL).all()


def lock_limits(session: Session) -> Sequence[Row[*tuple[Any, ...]]]:
    """All limits, and nobody else who must keep within one goes on until this transaction ends.

    An update that changes nothing locks the rows on PostgreSQL and the file on SQLite, which knows no SELECT FOR
    UPDATE. The order of events is locked before any row, as everywhere.
    """
    lock_event_order(session)
    return session.connection().execute(_LOCK).all()


def put_limit(session: Session, place: LimitPlace, amount: float, now: datetime) -> tuple[LimitRow, float | None]:
    """Set a limit; also its amount before, None where there was none. Raises Conflict when there are too many."""
    before = session.scalar(select(LimitRow).filter_by(**asdict(place)).with_for_update())
    if before is not None:
        earlier, before.amount = before.amount, amount
        session.flush()
        return before, earlier
    if len(limit_rows(session)) >= MOST_LIMITS:
        raise Conflict(f"there are {MOST_LIMITS} limits, and no more are kept", hint="set one for each (*)")
    values = {"id": new_id("lim"), **asdict(place), "amount": amount, "created_at": now}
    if not insert_if_new(session, LimitRow, values, unique=tuple(asdict(place))):
        raise Conflict("somebody else set this limit at the same moment", hint="look at it, and try again")
    return session.get_one(LimitRow, values["id"]), None


def found_limit(session: Session, limit_id: str) -> LimitRow:
    """One limit. Raises NotFound."""
    row = session.get(LimitRow, limit_id)
    if row is None:
        raise NotFound("there is no such limit", hint="GET /api/v1/limits lists them with their ids")
    return row


def remove_limit(session: Session, limit_id: str) -> LimitRow:
    """Take a limit away; returns what it was. Raises NotFound."""
    row = found_limit(session, limit_id)
    session.delete(row)
    session.flush()
    return row
