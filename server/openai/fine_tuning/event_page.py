"""A page of a job's events, the newest first: rows of events and lines of the training log together."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from server.openai.fine_tuning.events import CheckedData, Cursor, FineTuningEvent, newest_first, read_cursor
from tuning.datasets import repository as datasets
from tuning.errors import NotFound
from tuning.jobs.models import Job, JobEvent, MetricPoint
from tuning.jobs.output.metrics import MetricLine, before_line, newest_lines
from tuning.jobs.queries import requests
from tuning.jobs.queries.feed import EventRow, newest_events
from tuning.llamafactory.config.references import names


def event_page(session: Session, job: Job, after: str | None, limit: int) -> list[FineTuningEvent]:
    """At most `limit` and one more events of a job behind the one with the id `after`. Raises NotFound."""
    rows, lines = _behind(session, job.id, read_cursor(after) if after is not None else None, limit + 2)
    found = newest_first(rows, lines, _data(session, job))
    ids = [event.id for event in found]
    start = ids.index(after) + 1 if after in ids else 0
    return found[start : start + limit + 1]


def _behind(
    session: Session, job_id: str, cursor: Cursor | None, limit: int
) -> tuple[Sequence[EventRow], Sequence[MetricLine]]:
    """Events and lines behind a cursor, the event of the cursor itself among them: a finding of it may come next."""
    if cursor is None:
        return newest_events(session, job_id, limit), newest_lines(session, job_id, limit)
    if cursor.event_id is not None:
        rows = newest_events(session, job_id, limit, JobEvent.id <= cursor.event_id)
        if not rows or rows[0].id != cursor.event_id:
            raise NotFound("the job has no such event")
        return rows, newest_lines(session, job_id, limit, MetricPoint.at <= rows[0].at)
    line = session.get(MetricPoint, (job_id, *(cursor.line or ())))
    if line is None:
        raise NotFound("the job has no such event")
    own = before_line(line.attempt, line.step, line.kind)
    return newest_events(session, job_id, limit, JobEvent.at < line.at), newest_lines(session, job_id, limit, own)


def _data(session: Session, job: Job) -> list[CheckedData]:
    """The job's data sets in their order, with what their checks have found."""
    ids = requests.belongings(session, [job.id]).datasets.get(job.id, ())
    rows, evaluated = datasets.by_ids(session, ids), names(job.config.get("eval_dataset"))
    return [
        CheckedData(
            dataset_id=row.id,
            use="validation" if row.id in evaluated else "training",
            report=row.report,
            refused_for=[finding["message"] for finding in row.findings or ()],
        )
        for row in (rows[dataset_id] for dataset_id in ids if dataset_id in rows)
    ]
