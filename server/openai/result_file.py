"""Result files: the metrics of a job by step, as the CSV that OpenAI's jobs leave."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from sqlalchemy.orm import Session

from server.openai.files.schema import RESULTS, FileObject, unix_seconds
from server.openai.ids import result_file_id_of
from tuning.errors import NotFound
from tuning.jobs.models import Job
from tuning.jobs.output.metrics import steps_of
from tuning.jobs.queries.feed import job_place
from tuning.jobs.status import ENDED
from tuning.people.tokens import Principal

COLUMNS: Mapping[str, Sequence[str]] = {
    "train_loss": ("loss",),
    "train_accuracy": ("accuracy",),
    "valid_loss": ("eval_loss",),
    "valid_mean_token_accuracy": ("eval_accuracy",),
}
"""By the column's name: the series that it has, the first that a step tells."""


def result_csv(session: Session, job_id: str, reader: Principal) -> str:
    """The result file of a job that has ended. Raises NotFound, also where the reader may not see the job."""
    _ended_job(session, job_id, reader)
    return "".join(_lines(session, job_id))


def result_file(session: Session, job_id: str, reader: Principal) -> FileObject:
    """A job's result file as it is listed. Raises NotFound."""
    job = _ended_job(session, job_id, reader)
    return FileObject(
        id=result_file_id_of(job_id),
        bytes=sum(len(line) for line in _lines(session, job_id)),
        created_at=unix_seconds(job.finished_at or job.created_at),
        filename="step_metrics.csv",
        purpose=RESULTS,
        status="processed",
    )


def step_values(values: Sequence[Mapping[str, float | None]]) -> list[str]:
    """Cells of a step, of whose lines later ones count."""
    merged = {name: value for line in values for name, value in line.items() if value is not None}
    found = (next((merged[name] for name in names if name in merged), None) for names in COLUMNS.values())
    return ["" if value is None else repr(value) for value in found]


def _ended_job(session: Session, job_id: str, reader: Principal) -> Job:
    job_place(session, job_id, reader)
    job = session.get(Job, job_id)
    if job is None or job.kind != "train" or job.status not in ENDED:
        raise NotFound("there is no such file", hint="a training has one when it has ended")
    return job


def _lines(session: Session, job_id: str) -> Iterator[str]:
    """ASCII, a line for each step that tells one of the columns."""
    yield _row(["step", *COLUMNS])
    for step, lines in groupby(steps_of(session, job_id), key=lambda line: line[0]):
        cells = step_values([values for _, values in lines])
        if any(cells):
            yield _row([str(step), *cells])


def _row(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
