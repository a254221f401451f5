"""Jobs that ended lately, the last one first."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.jobs.models import Job
from tuning.jobs.sight import Sight
from tuning.jobs.status import ENDED

_LOOKED_AT = 1_000
"""So many jobs are looked at, the last changed first: more than run at once, as these change all the time."""


def lately_ended(session: Session, sight: Sight, limit: int) -> Sequence[Job]:
    """At most `limit` ended jobs that may be seen, by their last change.

    The inner query walks an index; with the status in it, SQLite would sort all ended jobs.
    """
    lately = select(Job.id).order_by(Job.updated_at.desc()).limit(_LOOKED_AT).subquery()
    query = select(Job).join(lately, Job.id == lately.c.id).where(Job.status.in_(ENDED), sight.condition)
    return session.scalars(query.order_by(Job.updated_at.desc()).limit(limit)).all()
