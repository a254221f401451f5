"""The series of a run: loss, learning rate and whatever else its training log tells."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Annotated, Self

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session, sessionmaker

from server.dependencies import FeedUser, JobId, SessionsDep
from server.http.errors.problems import responses
from tuning.db.engine import transaction
from tuning.jobs.output.metrics import MetricLine, lines_after, series_names, steps_of
from tuning.jobs.output.thinning import FEWEST_POINTS, SeriesPoint, gather, thin
from tuning.jobs.queries.feed import job_place

MOST_POINTS = 10_000
_CSV = "text/csv; charset=utf-8"

router = APIRouter(tags=["following"])


class Series(BaseModel):
    """Two columns of the same length."""

    steps: list[int]
    values: list[float | None] = Field(description="Null where training diverged (NaN).")
    total: int = Field(description="The number of all points, of which these were chosen.")

    @classmethod
    def of(cls, points: Sequence[SeriesPoint], limit: int) -> Self:
        """At most `limit` of the points."""
        kept = thin(points, limit)
        return cls(steps=[point.step for point in kept], values=[point.value for point in kept], total=len(points))


class Metrics(BaseModel):
    """The series of a job, by name. Where a resumed run did a step again, the later attempt counts."""

    job_id: str
    series: dict[str, Series]


@router.get("/jobs/{job_id}/metrics", responses=responses(404))
def show_metrics(
    job_id: JobId,
    sessions: SessionsDep,
    user: FeedUser,
    points: Annotated[
        int,
        Query(
            ge=FEWEST_POINTS,
            le=MOST_POINTS,
            description="The most points of a series; first, last, lowest and highest are among them.",
        ),
    ] = 500,
) -> Metrics:
    """The series of a job: loss, eval_loss, learning_rate, ..."""
    with transaction(sessions) as session:
        job_place(session, job_id, user)
        series = gather(steps_of(session, job_id))
    return Metrics(job_id=job_id, series={name: Series.of(series[name], points) for name in sorted(series)})


@router.get(
    "/jobs/{job_id}/metrics.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **responses(404)},
)
def download_metrics(job_id: JobId, sessions: SessionsDep, user: FeedUser) -> StreamingResponse:
    """Every line of the training log, of every attempt, as a table: attempt, step, kind, at, epoch, and the series."""
    with transaction(sessions) as session:
        job_place(session, job_id, user)
        names = series_names(session, job_id)
    headers = {"Content-Disposition": f'attachment; filename="{job_id}-metrics.csv"'}
    return StreamingResponse(_table(sessions, job_id, names), media_type=_CSV, headers=headers)


def _table(sessions: sessionmaker[Session], job_id: str, names: Sequence[str]) -> Iterator[str]:
    """The table in pieces, each from a session of its own: none stays open for a slow reader."""
    yield _rows([["attempt", "step", "kind", "at", "epoch", *names]])
    last: MetricLine | None = None
    while True:
        with transaction(sessions) as session:
            lines = lines_after(session, job_id, last)
        if not lines:
            return
        yield _rows([[*_fixed(line), *(line.values.get(name) for name in names)] for line in lines])
        last = lines[-1]


def _fixed(line: MetricLine) -> list[object]:
    return [line.attempt, line.step, line.kind, line.at.isoformat().replace("+00:00", "Z"), line.epoch]


def _rows(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
