"""The end of a check that failed or was cancelled: its data set is refused, and no longer waited for."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from tuning.datasets.models import Dataset
from tuning.datasets.on_cluster import finding_json
from tuning.datasets.status import DatasetStatus
from tuning.errors import Finding


def refuse_unchecked(session: Session, check_job: str, finding: Finding) -> None:
    """Refuse the data set that waits for this check (the id of a job), with the finding that says why."""
    waiting = (Dataset.check_job == check_job, Dataset.status == DatasetStatus.CHECKING)
    refused = update(Dataset).where(*waiting).values(status=DatasetStatus.REFUSED, findings=[finding_json(finding)])
    session.execute(refused)
