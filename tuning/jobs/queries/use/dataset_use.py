"""Use of data sets by jobs: the condition for the queries of tuning.datasets, counts, and the newest jobs."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, exists, func, literal, select
from sqlalchemy.orm import Session

from tuning.datasets.models import Dataset
from tuning.jobs.models import Job, JobDataset
from tuning.jobs.sight import Sight

IN_USE: ColumnElement[bool] = exists().where(
    JobDataset.dataset_id == Dataset.id, JobDataset.job_id == Job.id, Job.finished_at.is_(None)
)
"""Of the row of Dataset in the query around it: a job that has not ended uses it."""
MOST_COUNTED = 1_000


def use_counts(session: Session, dataset_ids: Collection[str]) -> dict[str, int]:
    """Number of jobs that were made with each of these data sets; of more than a thousand, a thousand."""
    if not dataset_ids:
        return {}
    each = select(literal(1)).where(JobDataset.dataset_id == Dataset.id).limit(MOST_COUNTED).correlate(Dataset)
    count = select(func.count()).select_from(each.subquery()).scalar_subquery()
    rows = session.execute(select(Dataset.id, count).where(Dataset.id.in_(dataset_ids)))
    return {row[0]: row[1] for row in rows}


def newest_users(session: Session, dataset_id: str, sight: Sight, most: int) -> Sequence[Job]:
    """The newest jobs that were made with a data set, as far as they are seen.

    Of a set that very many jobs use, the first of all jobs that use it are found at once; of another its few jobs are
    put in order.
    """
    is_common = use_counts(session, [dataset_id]).get(dataset_id, 0) >= MOST_COUNTED
    uses = JobDataset.dataset_id == dataset_id
    few, many = Job.id.in_(select(JobDataset.job_id).where(uses)), exists().where(uses, JobDataset.job_id == Job.id)
    is_user: ColumnElement[bool] = many if is_common else few
    query = select(Job).where(is_user, sight.condition).order_by(Job.created_at.desc(), Job.id.desc())
    return session.scalars(query.limit(most)).all()
