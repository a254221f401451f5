"""One driver per cluster: a lease in the cluster's row, with a token that fences off whoever lost it.

No clocks of two machines are compared. Whoever renews a lease changes its row; whoever wants it watches the row, and
takes the lease when the row has stood still for as long as a lease lasts, by the watcher's own monotonic clock.

A worker acquires the lease, renews it while it works, and proves it at the start of every transaction that writes
what the cluster said (`prove`). Taking over raises the token, so the old driver's next proof finds no row and its
results are dropped, however long it slept. (Kleppmann, "How to do distributed locking": fencing tokens.)
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import ColumnElement, and_, bindparam, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from tuning.clusters.models import ClusterRow
from tuning.db.engine import insert_if_new
from tuning.errors import LeaseLost


@dataclass(frozen=True)
class Lease:
    """The right to drive a cluster, until somebody else holds a higher token."""

    cluster: str
    owner: str
    token: int


@dataclass(frozen=True)
class Sighting:
    """A lease's row at one look; any renewal changes it."""

    token: int
    expires_at: datetime | None
    """By the clock of whoever renewed it: compared with itself alone."""


class LeaseWatch:
    """Tells when the lease of a cluster has not been renewed for so long that nobody can rely on it any more."""

    def __init__(self, cluster: str, lease_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._cluster, self._lease_seconds, self._monotonic = cluster, lease_seconds, monotonic
        self._seen: Sighting | None = None
        self._since = 0.0

    def stale(self, session: Session) -> Sighting | None:
        """The lease as it stands, if it has stood so for longer than a lease lasts; else None. To be asked often."""
        columns = (ClusterRow.lease_token, ClusterRow.lease_expires_at)
        row = session.execute(select(*columns).where(ClusterRow.name == self._cluster)).one_or_none()
        seen, now = Sighting(row[0], row[1]) if row is not None else None, self._monotonic()
        if seen != self._seen:
            self._seen, self._since = seen, now
        return seen if now - self._since > self._lease_seconds else None


def ensure_row(session: Session, cluster: str) -> None:
    """Make the row of a cluster that the settings name; another worker may be doing the same."""
    if session.scalar(select(ClusterRow.name).where(ClusterRow.name == cluster)) is None:
        insert_if_new(session, ClusterRow, {"name": cluster, "lease_token": 0}, unique=("name",))


def acquire(
    session: Session, cluster: str, owner: str, now: datetime, lease_seconds: float, stale: Sighting | None = None
) -> Lease | None:
    """Take the lease when nobody holds it, or while it is still as a watch saw it; None when somebody has it."""
    free: ColumnElement[bool] = ClusterRow.lease_owner.is_(None)
    if stale is not None:
        unchanged = ClusterRow.lease_expires_at.is_not_distinct_from(stale.expires_at)
        free = or_(free, and_(ClusterRow.lease_token == stale.token, unchanged))
    taken = (
        update(ClusterRow)
        .where(ClusterRow.name == cluster, free)
        .values(
            lease_owner=owner,
            lease_token=ClusterRow.lease_token + 1,
            lease_expires_at=now + timedelta(seconds=lease_seconds),
        )
        .returning(ClusterRow.lease_token)
    )
    token = session.scalar(taken, execution_options={"synchronize_session": False})
    return Lease(cluster, owner, token) if token is not None else None


def renew(session: Session, lease: Lease, now: datetime, lease_seconds: float) -> None:
    """Keep the lease for another while. Raises LeaseLost."""
    _update_own(session, lease, lease_expires_at=now + timedelta(seconds=lease_seconds))


def prove(session: Session, lease: Lease) -> None:
    """Hold the cluster's row for the rest of this transaction if the lease is still ours. Raises LeaseLost."""
    _update_own(session, lease, lease_owner=lease.owner)


def release(session: Session, lease: Lease) -> None:
    """Give the lease back, so that another worker need not wait for it to expire. Raises LeaseLost."""
    _update_own(session, lease, lease_owner=None, lease_expires_at=None)


def _update_own(session: Session, lease: Lease, **values: object) -> None:
    own = {"of": lease.cluster, "fence": lease.token}
    if session.connection().scalar(_update_of_own(tuple(values)), {**own, **values}) is None:
        raise LeaseLost(f"another worker drives the cluster {lease.cluster} now")


@cache
def _update_of_own(names: tuple[str, ...]) -> ReturningUpdate[str]:
    own = (ClusterRow.name == bindparam("of"), ClusterRow.lease_token == bindparam("fence"))
    return update(ClusterRow).where(*own).values({name: bindparam(name) for name in names}).returning(ClusterRow.name)
