"""Condition: a data set is used by a job that has not ended; for the queries of tuning.datasets."""

from sqlalchemy import ColumnElement, exists

from tuning.datasets.models import Dataset
from tuning.jobs.models import Job, JobDataset

IN_USE: ColumnElement[bool] = exists().where(
    JobDataset.dataset_id == Dataset.id, JobDataset.job_id == Job.id, Job.finished_at.is_(None)
)
"""Of the row of Dataset in the query around it."""
