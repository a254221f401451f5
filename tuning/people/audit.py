"""Record of changes to people, limits, tokens, jobs and settings: by whom, from where, what was before and after."""

import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.people.models import MOST_ADDRESS, AuditEntry
from tuning.storable import storable_json, storable_line

_LONGEST_SUBJECT = 200
_LONGEST_VALUE = 1_000


@dataclass(frozen=True)
class Actor:
    """User or program that changes something, with the token and the network address that the change came by."""

    name: str
    token_id: str | None = None
    address: str | None = None


SERVICE = Actor("packtrain")
"""The service itself."""


@dataclass(frozen=True)
class Change:
    """Action on a subject, with the values before and after. It never holds a secret's value."""

    action: str
    """Such as limit.changed: the kind of thing, and what became of it."""
    subject_kind: str
    subject: str
    """Name or id."""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class AuditFilter:
    """Filter of the record; None = all."""

    actor: str | None = None
    subject: str | None = None
    action_prefix: str | None = None
    """`token.` for all that was done to tokens."""
    since: datetime | None = None
    until: datetime | None = None
    """Before this moment."""


def operator() -> Actor:
    """The operator, of a command on the service's own machine: its account stands in the place of an address."""
    return Actor("operator", address=f"shell of {_account(os.getuid())}")


def record(session: Session, actor: Actor, change: Change, now: datetime) -> None:
    """Write one entry, in the transaction of the change itself."""
    entry = AuditEntry(at=now, actor=actor.name, token_id=actor.token_id)
    entry.address = storable_line(actor.address, MOST_ADDRESS) if actor.address is not None else None
    entry.action, entry.subject_kind = change.action, change.subject_kind
    entry.subject = storable_line(change.subject, _LONGEST_SUBJECT)
    entry.before = storable_json(change.before, _LONGEST_VALUE)
    entry.after = storable_json(change.after, _LONGEST_VALUE)
    session.add(entry)


def entries(session: Session, wanted: AuditFilter, limit: int, behind: int | None = None) -> Sequence[AuditEntry]:
    """At most `limit` entries, the newest first, behind the one with this id."""
    query = select(AuditEntry)
    for column, value in ((AuditEntry.actor, wanted.actor), (AuditEntry.subject, wanted.subject)):
        query = query.where(column == value) if value is not None else query
    if wanted.action_prefix is not None:
        query = query.where(AuditEntry.action.startswith(wanted.action_prefix, autoescape=True))
    if wanted.since is not None:
        query = query.where(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AuditEntry.at < wanted.until)
    if behind is not None:
        query = query.where(AuditEntry.id < behind)
    return session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)).all()


def newest(session: Session, subject_kind: str, subject: str) -> AuditEntry | None:
    """The newest entry of a subject."""
    own = (AuditEntry.subject_kind == subject_kind, AuditEntry.subject == subject)
    return session.scalar(select(AuditEntry).where(*own).order_by(AuditEntry.id.desc()).limit(1))


def _account(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a container's user may have no name
        return f"user {number}"
