"""The end of a check of data: its report, read from the cluster, ends the job and settles the data set."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from tuning.datasets.on_cluster import parse_report
from tuning.jobs.data_check.settle import settle_check
from tuning.jobs.layout import CHECK_REPORT_FILE, check_report_path
from tuning.jobs.queries.driver import LiveAttempt
from tuning.llamafactory.outcome.end import Outcome, RunEvidence
from worker.observe.set_aside import note_set_aside


def end_check(
    session: Session, root: str, live: LiveAttempt, evidence: RunEvidence, contents: Mapping[str, bytes], now: datetime
) -> Outcome:
    """Outcome of a data check, by its report; a report that no check writes is set aside with a note on the job."""
    text = contents.get(check_report_path(root, live.job_id))
    report = parse_report(text)
    if text and report is None:
        note_set_aside(session, live.job_id, live.number, CHECK_REPORT_FILE, "it is no report that a check writes", now)
    return settle_check(session, live.job_id, report, evidence, now)
