"""One driver per cluster: a lease in the cluster's row, with a token that fences off whoever lost it.

A worker acquires the lease, renews it while it works, and proves it at the start of every transaction that writes
what the cluster said (`prove`). Taking over raises the token, so the old driver's next proof finds no row and its
results are dropped, however long it slept. (Kleppmann, "How to do distributed locking": fencing tokens.)
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from tuning.clusters.models import ClusterRow
from tuning.db import insert_if_new
from tuning.errors import LeaseLost


@dataclass(frozen=True)
class Lease:
    """The right to drive a cluster, until somebody else holds a higher token."""

    cluster: str
    owner: str
    token: int


def ensure_row(session: Session, cluster: str) -> None:
    """Make the row of a cluster that the settings name; another worker may be doing the same."""
    if session.scalar(select(ClusterRow.name).where(ClusterRow.name == cluster)) is None:
        insert_if_new(session, ClusterRow, {"name": cluster, "lease_token": 0}, unique=("name",))


def acquire(session: Session, cluster: str, owner: str, now: datetime, lease_seconds: float) -> Lease | None:
    """Take the lease when nobody holds it; None when somebody does."""
    free = or_(ClusterRow.lease_owner.is_(None), ClusterRow.lease_expires_at < now)
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
