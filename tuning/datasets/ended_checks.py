"""The end of a check that gave no verdict: its data set must not be waited for any longer."""

from sqlalchemy import column, table, update
from sqlalchemy.orm import Session

from tuning.db.engine import JsonValue
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus

# Data sets know their check; jobs know no data sets (tuning.datasets.models) but for these columns.
_datasets = table("datasets", column("status"), column("check_job"), column("findings", JsonValue))


def refuse_unchecked(session: Session, job: Job, end: JobStatus, reason: str) -> None:
    """The data set of a check that failed or was cancelled is refused, with one finding that says so."""
    ended = "was cancelled" if end is JobStatus.CANCELLED else "failed"
    finding = {
        "loc": ["cluster_path"],
        "message": f"the check {job.id} {ended}: {reason}",
        "hint": f"retry it: POST /jobs/{job.id}/retry, or `packtrain retry {job.id}`",
    }
    waiting = (_datasets.c.check_job == job.id, _datasets.c.status == "checking")
    session.connection().execute(update(_datasets).where(*waiting).values(status="refused", findings=[finding]))
