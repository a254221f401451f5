"""Decayed use and slowdowns of people on a cluster, as the order of the queue counts them."""

from sqlalchemy import bindparam, select, type_coerce
from sqlalchemy.orm import Session

from tuning.db.engine import UtcSeconds
from tuning.queue.standing import PastJobs
from tuning.queue.waiting_job import Person
from tuning.usage.models import DecayedUse

_OF_CLUSTER = select(
    DecayedUse.team_id,
    DecayedUse.user_id,
    DecayedUse.gpu_seconds,
    DecayedUse.slowdowns,
    DecayedUse.jobs,
    type_coerce(DecayedUse.at, UtcSeconds()),
).where(DecayedUse.cluster == bindparam("cluster"))
"""Made once: it is asked in each look at a queue."""


def past_jobs(session: Session, cluster: str) -> dict[Person, PastJobs]:
    """Sums of everybody who had jobs on a cluster, by the ids of team and user."""
    rows = session.connection().execute(_OF_CLUSTER, {"cluster": cluster})
    return {Person(team, user): PastJobs(*sums) for team, user, *sums in rows}
