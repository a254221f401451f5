"""Jobs as others see them that are based on them, or wait for them."""

import re
from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.jobs.models import Artifact, Job
from tuning.jobs.request.sources import SourceJob

_CHECKPOINT = re.compile(r"checkpoint-(\d{1,10})/")


def source_jobs(session: Session, job_ids: Sequence[str]) -> dict[str, SourceJob]:
    """The jobs among these that exist, each with the checkpoints that it has left."""
    columns = (Job.id, Job.kind, Job.status, Job.cluster, Job.config, Job.source)
    rows = session.execute(select(*columns).where(Job.id.in_(job_ids))).mappings().all()
    steps = checkpoint_steps(session, job_ids)
    return {row["id"]: SourceJob(**row, checkpoints=steps.get(row["id"], frozenset())) for row in rows}


def checkpoint_steps(session: Session, job_ids: Sequence[str]) -> dict[str, frozenset[int]]:
    """The steps of the checkpoints among the files of these jobs."""
    paths = select(Artifact.job_id, Artifact.path).where(
        Artifact.job_id.in_(job_ids), Artifact.path.startswith("checkpoint-", autoescape=True)
    )
    found: dict[str, list[str]] = {}
    for job_id, path in session.execute(paths):
        found.setdefault(job_id, []).append(path)
    return {job_id: steps_among(own) for job_id, own in found.items()}


def steps_among(paths: Iterable[str]) -> frozenset[int]:
    """The steps of the checkpoints that have files among these (relative to the output folder)."""
    return frozenset(int(match[1]) for path in paths if (match := _CHECKPOINT.match(path)))
