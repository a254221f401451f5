"""Jobs as others see them that are based on them, or wait for them."""

import re
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from tuning.jobs.layout import OUTPUT_FOLDER, OUTPUT_REMOVED, checkpoint_path
from tuning.jobs.models import Artifact, Job, JobDataset, Removal
from tuning.jobs.request.sources import SourceJob
from tuning.jobs.sight import EVERY_JOB
from tuning.jobs.status import ENDED

_CHECKPOINT = re.compile(r"checkpoint-(\d{1,10})/")
_STATE = re.compile(r"checkpoint-(\d{1,10})/trainer_state\.json")


def source_jobs(
    session: Session, job_ids: Sequence[str], seen: ColumnElement[bool] = EVERY_JOB.condition
) -> dict[str, SourceJob]:
    """The jobs among these that exist and are seen, each with the checkpoints that it has left."""
    columns = (Job.id, Job.kind, Job.status, Job.cluster, Job.config, Job.source, Job.resources)
    rows = session.execute(select(*columns, Job.result).where(Job.id.in_(job_ids), seen)).mappings().all()
    paths, datasets = _checkpoint_files(session, job_ids), _datasets(session, job_ids)
    return {
        row["id"]: SourceJob(
            **{name: value for name, value in row.items() if name != "result"},
            output_removed=OUTPUT_REMOVED in (row["result"] or {}),
            checkpoints=steps_among(own := paths.get(row["id"], ())),
            whole_checkpoints=whole_steps(own),
            datasets=datasets.get(row["id"], ()),
        )
        for row in rows
    }


def checkpoint_steps(session: Session, job_ids: Sequence[str]) -> dict[str, frozenset[int]]:
    """The steps of the checkpoints among the files of these jobs, but for those that are being removed."""
    return {job_id: steps_among(paths) for job_id, paths in _checkpoint_files(session, job_ids).items()}


def newest_whole_checkpoint(session: Session, job_id: str) -> int | None:
    """The newest checkpoint of a job that a training can go on from; None where it left none."""
    return max(whole_steps(_checkpoint_files(session, [job_id]).get(job_id, ())), default=None)


def users_of_checkpoint(session: Session, job_id: str, step: int) -> list[str]:
    """The jobs that have not ended and are based on this checkpoint, or go on from it."""
    based = and_(Job.source_job == job_id, Job.source_checkpoint == step)
    resuming = and_(Job.resume_job == job_id, Job.resume_checkpoint == step)
    return list(session.scalars(select(Job.id).where(or_(based, resuming), Job.status.not_in(ENDED)).order_by(Job.id)))


def users_of_output(session: Session, job_id: str) -> list[str]:
    """The jobs that have not ended and are based on what a job left, or go on from one of its checkpoints."""
    uses = or_(Job.source_job == job_id, Job.resume_job == job_id)
    return list(session.scalars(select(Job.id).where(uses, Job.status.not_in(ENDED)).order_by(Job.id)))


def whole_steps(paths: Iterable[str]) -> frozenset[int]:
    """The steps of checkpoints that were saved to their end, by what is written last (relative to the output)."""
    return frozenset(int(match[1]) for path in paths if (match := _STATE.fullmatch(path)))


def steps_among(paths: Iterable[str]) -> frozenset[int]:
    """The steps of the checkpoints that have files among these (relative to the output folder)."""
    return frozenset(int(match[1]) for path in paths if (match := _CHECKPOINT.match(path)))


def _checkpoint_files(session: Session, job_ids: Sequence[str]) -> dict[str, list[str]]:
    """Paths of the files of checkpoints that hold something, by job id; without those that are being removed."""
    own = (Artifact.job_id.in_(job_ids), Artifact.path.startswith("checkpoint-", autoescape=True))
    removals = select(Removal.job_id, Removal.path).where(Removal.job_id.in_(job_ids))
    unwanted = {(job_id, path) for job_id, path in session.execute(removals)}
    found: dict[str, list[str]] = {}
    for job_id, path in session.execute(select(Artifact.job_id, Artifact.path).where(*own, Artifact.size_bytes > 0)):
        step = _CHECKPOINT.match(path)
        folders = (OUTPUT_FOLDER, *([checkpoint_path(int(step[1]))] if step else []))
        if not any((job_id, folder) in unwanted for folder in folders):
            found.setdefault(job_id, []).append(path)
    return found


def _datasets(session: Session, job_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Ids of the uploads that each trained on, in their order."""
    own = JobDataset.job_id.in_(job_ids)
    rows = select(JobDataset.job_id, JobDataset.dataset_id).where(own).order_by(JobDataset.job_id, JobDataset.position)
    found: dict[str, tuple[str, ...]] = {}
    for job_id, dataset_id in session.execute(rows):
        found[job_id] = (*found.get(job_id, ()), dataset_id)
    return found
