"""The points of a job's training log."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import Session

from tuning.jobs.models import MetricPoint

_ROWS_AT_ONCE = 2_000

Values = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class MetricLine:
    """One line of the training log."""

    attempt: int
    step: int
    kind: str
    at: datetime
    epoch: float | None
    values: Values


_KEY = (MetricPoint.attempt, MetricPoint.step, MetricPoint.kind)
_COLUMNS = tuple(getattr(MetricPoint, name) for name in MetricLine.__slots__)


def steps_of(session: Session, job_id: str) -> Iterator[tuple[int, Values]]:
    """(step, values) of all attempts of a job, by step and then attempt. Read in pieces, while the session is open."""
    query = select(MetricPoint.step, MetricPoint.values).where(MetricPoint.job_id == job_id)
    ordered = query.order_by(MetricPoint.step, MetricPoint.attempt)
    yield from session.execute(ordered.execution_options(yield_per=_ROWS_AT_ONCE))


def series_names(session: Session, job_id: str) -> list[str]:
    """The names of all series of a job, sorted."""
    query = select(MetricPoint.values).where(MetricPoint.job_id == job_id)
    names: set[str] = set()
    for values in session.scalars(query.execution_options(yield_per=_ROWS_AT_ONCE)):
        names.update(values)
    return sorted(names)


def newest_lines(session: Session, job_id: str, limit: int, *conditions: ColumnElement[bool]) -> list[MetricLine]:
    """At most `limit` lines of a job that meet the conditions, the newest first."""
    query = select(*_COLUMNS).where(MetricPoint.job_id == job_id, *conditions)
    ordered = query.order_by(*(column.desc() for column in _KEY)).limit(limit)
    return [MetricLine(*row) for row in session.execute(ordered)]


def before_line(attempt: int, step: int, kind: str) -> ColumnElement[bool]:
    """Whether a line of a job is before this one."""
    return tuple_(*_KEY) < (attempt, step, kind)


def lines_after(session: Session, job_id: str, last: MetricLine | None) -> list[MetricLine]:
    """The next lines of a job behind `last`, by attempt, step and kind; none at the end."""
    query = select(*_COLUMNS).where(MetricPoint.job_id == job_id)
    if last is not None:
        query = query.where(tuple_(*_KEY) > (last.attempt, last.step, last.kind))
    return [MetricLine(*row) for row in session.execute(query.order_by(*_KEY).limit(_ROWS_AT_ONCE))]
