"""Decayed use and slowdowns of people on a cluster, as the order of the queue counts them."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.queue.standing import PastJobs
from tuning.queue.waiting_job import Person
from tuning.usage.models import DecayedUse

_COLUMNS = (
    DecayedUse.team_id,
    DecayedUse.user_id,
    DecayedUse.gpu_seconds,
    DecayedUse.slowdowns,
    DecayedUse.jobs,
    DecayedUse.at,
)


def past_jobs(session: Session, cluster: str) -> dict[Person, PastJobs]:
    """Sums of everybody who had jobs on a cluster, by the ids of team and user."""
    rows = session.connection().execute(select(*_COLUMNS).where(DecayedUse.cluster == cluster))
    return {
        Person(team, user): PastJobs(gpu_seconds, slowdowns, jobs, at.timestamp())
        for team, user, gpu_seconds, slowdowns, jobs, at in rows
    }
