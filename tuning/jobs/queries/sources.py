"""Jobs as others see them that are based on them, or wait for them."""

import re
from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.jobs.layout import checkpoint_path
from tuning.jobs.models import Artifact, Job, Removal
from tuning.jobs.request.sources import SourceJob
from tuning.jobs.status import ENDED

_CHECKPOINT = re.compile(r"checkpoint-(\d{1,10})/")


def source_jobs(session: Session, job_ids: Sequence[str]) -> dict[str, SourceJob]:
    """The jobs among these that exist, each with the checkpoints that it has left."""
    columns = (Job.id, Job.kind, Job.status, Job.cluster, Job.config, Job.source)
    rows = session.execute(select(*columns).where(Job.id.in_(job_ids))).mappings().all()
    steps = checkpoint_steps(session, job_ids)
    return {row["id"]: SourceJob(**row, checkpoints=steps.get(row["id"], frozenset())) for row in rows}


def checkpoint_steps(session: Session, job_ids: Sequence[str]) -> dict[str, frozenset[int]]:
    """The steps of the checkpoints among the files of these jobs, but for those that are being removed."""
    paths = select(Artifact.job_id, Artifact.path).where(
        Artifact.job_id.in_(job_ids), Artifact.path.startswith("checkpoint-", autoescape=True)
    )
    found: dict[str, list[str]] = {}
    for job_id, path in session.execute(paths):
        found.setdefault(job_id, []).append(path)
    removals = select(Removal.job_id, Removal.path).where(Removal.job_id.in_(job_ids))
    unwanted = {(job_id, path) for job_id, path in session.execute(removals)}
    return {
        job_id: frozenset(step for step in steps_among(own) if (job_id, checkpoint_path(step)) not in unwanted)
        for job_id, own in found.items()
    }


def users_of_checkpoint(session: Session, job_id: str, step: int) -> list[str]:
    """The jobs that have not ended and are based on this checkpoint."""
    own = (Job.source_job == job_id, Job.source_checkpoint == step)
    return list(session.scalars(select(Job.id).where(*own, Job.status.not_in(ENDED)).order_by(Job.id)))


def steps_among(paths: Iterable[str]) -> frozenset[int]:
    """The steps of the checkpoints that have files among these (relative to the output folder)."""
    return frozenset(int(match[1]) for path in paths if (match := _CHECKPOINT.match(path)))
