"""The end of a check of data: judged by the verdict that it wrote, which then holds for the data set."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from tuning.datasets.on_cluster import Accepted, ClusterVerdict, Refused, parse_verdict, settle
from tuning.jobs.layout import CHECK_REPORT_FILE, check_report_path
from tuning.jobs.queries.driver import LiveAttempt
from tuning.llamafactory.outcome.end import Outcome, RunEvidence
from tuning.llamafactory.outcome.failure import End, explain
from tuning.slurm.cluster import ReadRequest
from worker.observe.set_aside import note_set_aside

VERDICT_BYTES = 8 * 1024 * 1024
"""Findings are the first 20 of each reason, and the head 64 KiB: a verdict is far smaller."""


def verdict_request(root: str, job_id: str) -> ReadRequest:
    """The verdict of a check; other jobs have no such file."""
    return ReadRequest(check_report_path(root, job_id), 0, VERDICT_BYTES)


def end_check(
    session: Session, root: str, one: LiveAttempt, evidence: RunEvidence, contents: Mapping[str, bytes], now: datetime
) -> Outcome:
    """Settle the data set where there is a verdict. A file that is refused makes no check a failure.

    The program ends with 0 only behind its verdict, so that one of an earlier attempt is never taken for this one's.
    """
    text = contents.get(check_report_path(root, one.job_id))
    verdict = parse_verdict(text)
    if text and verdict is None:
        note_set_aside(session, one.job_id, one.number, CHECK_REPORT_FILE, "it is no verdict of a check", now)
    if verdict is None or evidence.exit_code != 0:
        logs = {"stderr": evidence.stderr_tail, "stdout": evidence.stdout_tail}
        end = End(evidence.exit_code, evidence.slurm, missing=["a readable verdict"], **logs)
        return Outcome("failed", explain(end), {}, diverged=False)
    settle(session, one.job_id, verdict, now)
    return Outcome("succeeded", None, _counts(verdict), diverged=False)


def _counts(verdict: ClusterVerdict) -> dict[str, float]:
    match verdict:
        case Accepted(report):
            return {"rows": report.rows, "kept": report.kept, "dropped": report.dropped}
        case Refused(findings):
            return {"findings": len(findings)}
