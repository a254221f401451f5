"""Data set of a training whose rows are prompts: held out for its evaluation, or else trained on."""

from sqlalchemy.orm import Session

from tuning.datasets import repository as datasets
from tuning.datasets.models import Dataset
from tuning.datasets.status import DatasetStatus
from tuning.jobs.models import Job
from tuning.jobs.queries.requests import belongings, job_by_id
from tuning.llamafactory.config.references import names
from tuning.people.directory import owner_is_seen
from tuning.people.tokens import Principal

_EXPORT = "export"


def prompt_dataset(session: Session, job_id: str | None, reader: Principal) -> Dataset | None:
    """The upload that a training was evaluated on, or else that it learned from; None where the reader sees none."""
    job = _training(session, job_id)
    if job is None:
        return None
    used = belongings(session, [job.id]).datasets.get(job.id, ())
    held_out = names(str(job.config.get("eval_dataset") or ""))
    found = datasets.by_ids(session, used, owner_is_seen(reader, Dataset.owner_id))
    ready = [each for each in (found.get(id_) for id_ in used) if each is not None and _is_there(each)]
    return next((each for each in ready if each.id in held_out), next(iter(ready), None))


def _training(session: Session, job_id: str | None) -> Job | None:
    """The job, or that whose model it exported."""
    job = job_by_id(session, job_id) if job_id is not None else None
    if job is not None and job.kind == _EXPORT and job.source_job is not None:
        return job_by_id(session, job.source_job)
    return job


def _is_there(dataset: Dataset) -> bool:
    return dataset.status is DatasetStatus.READY and dataset.deleted_at is None
