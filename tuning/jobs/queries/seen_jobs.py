"""Jobs among others that a reader may see, and words that name these and count the rest."""

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.jobs.models import Job
from tuning.jobs.sight import sight_of
from tuning.people.tokens import Principal


def seen_among(session: Session, job_ids: Collection[str], reader: Principal) -> frozenset[str]:
    """The jobs among these that a user may see; whoever sees all is not asked about, even of those that are gone."""
    if reader.sees_all or not job_ids:
        return frozenset(job_ids)
    return frozenset(session.scalars(select(Job.id).where(Job.id.in_(job_ids), sight_of(reader).condition)))


def seen_words(session: Session, job_ids: Sequence[str], reader: Principal) -> str:
    """These jobs for an error: `job_a, job_b and 2 jobs of others`."""
    seen = seen_among(session, job_ids, reader)
    named, others = [job_id for job_id in job_ids if job_id in seen], len(job_ids) - len(seen)
    of_others = f"{others} job{'' if others == 1 else 's'} of others" if others else ""
    return " and ".join(filter(None, (", ".join(named), of_others)))
