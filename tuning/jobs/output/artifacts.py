"""Files in a run's output folder, as the worker listed them."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.errors import NotFound
from tuning.jobs.models import Artifact


def artifacts_of(session: Session, job_id: str) -> Sequence[Artifact]:
    """The artifacts of a job, by path."""
    return session.scalars(select(Artifact).where(Artifact.job_id == job_id).order_by(Artifact.path)).all()


def artifact(session: Session, job_id: str, path: str) -> Artifact:
    """One artifact, by exactly its path. Raises NotFound."""
    found = session.get(Artifact, (job_id, path)) if "\0" not in path else None
    if found is None:
        raise NotFound(f"job {job_id} has no artifact {path!r}", hint="the list is at /artifacts")
    return found
