"""The end of a check of data: judged by the report that it wrote, which then holds for the data set.

A check that fails or is cancelled refuses its data set through the door of statuses (tuning.jobs.transition).
"""

from datetime import datetime

from sqlalchemy.orm import Session

from tuning.datasets.on_cluster import Accepted, ClusterReport, Refused, settle
from tuning.llamafactory.outcome.end import Outcome, RunEvidence
from tuning.llamafactory.outcome.failure import End, explain


def settle_check(
    session: Session, check_job: str, report: ClusterReport | None, evidence: RunEvidence, now: datetime
) -> Outcome:
    """Settle the data set where there is a report. A file that is refused makes no check a failure.

    The program ends with 0 only behind its report, so that one of an earlier attempt is never taken for this one's.
    """
    if report is None or evidence.exit_code != 0:
        logs = {"stderr": evidence.stderr_tail, "stdout": evidence.stdout_tail}
        end = End(evidence.exit_code, evidence.slurm, missing=["a readable report"], **logs)
        return Outcome("failed", explain(end), {}, diverged=False)
    settle(session, check_job, report, now)
    return Outcome("succeeded", None, _counts(report), diverged=False)


def _counts(report: ClusterReport) -> dict[str, float]:
    match report:
        case Accepted(report=found):
            return {"rows": found.rows, "kept": found.kept, "dropped": found.dropped}
        case Refused(findings):
            return {"findings": len(findings)}
