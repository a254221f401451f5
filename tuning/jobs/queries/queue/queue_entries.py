"""Rows that a page of the queue shows beside the order: names of jobs, and data sets that are still to be copied."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.datasets.models import Dataset, DatasetCopy
from tuning.jobs.models import Job, JobDataset


def job_names(session: Session, job_ids: Collection[str]) -> dict[str, str]:
    """Names of jobs by id; those that are not there are missing."""
    rows = session.execute(select(Job.id, Job.name).where(Job.id.in_(job_ids)))
    return {job_id: name for job_id, name in rows}  # noqa: C416 - dict() takes no rows, for mypy


def jobs_without_data(session: Session, cluster: str, job_ids: Collection[str]) -> frozenset[str]:
    """The jobs among these with a data set that does not lie whole on the cluster."""
    lacking = (
        select(JobDataset.job_id)
        .join(Dataset, Dataset.id == JobDataset.dataset_id)
        .outerjoin(DatasetCopy, (DatasetCopy.sha256 == Dataset.sha256) & (DatasetCopy.cluster == cluster))
        .where(JobDataset.job_id.in_(job_ids), DatasetCopy.sha256.is_(None))
    )
    return frozenset(session.scalars(lacking))
