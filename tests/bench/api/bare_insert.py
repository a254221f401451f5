"""The rows of a new job, inserted with nothing around it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, insert, select

from tuning.db.engine import Base
from tuning.ids import new_id
from tuning.jobs.models import Job, JobEvent, JobTag

Values = Mapping[str, Any]


@dataclass(frozen=True)
class BareInsert:
    """One transaction, a statement for each table, on the connection: no ORM, no checks."""

    engine: Engine
    job: Values
    tags: tuple[Values, ...]
    events: tuple[Values, ...]

    @classmethod
    def like_the_newest_job(cls, engine: Engine) -> "BareInsert":
        """The same rows as the newest job of the database has."""
        newest = select(Job.id).order_by(Job.created_at.desc()).limit(1).scalar_subquery()
        with engine.connect() as connection:

            def rows(table: type[Base], key: Any) -> list[dict[str, Any]]:
                found = connection.execute(select(*table.__table__.columns).where(key == newest)).mappings()
                return [{name: value for name, value in row.items() if value is not None} for row in found]

            job, tags, events = rows(Job, Job.id)[0], rows(JobTag, JobTag.job_id), rows(JobEvent, JobEvent.job_id)
        return cls(engine, job, tuple(tags), tuple(_without_id(event) for event in events))

    def insert(self) -> str:
        """Insert and commit; returns the new job's id."""
        job_id = new_id("job")
        with self.engine.begin() as connection:
            connection.execute(_JOB, {**self.job, "id": job_id})
            connection.execute(_TAGS, [{**tag, "job_id": job_id} for tag in self.tags])
            connection.execute(_EVENTS, [{**event, "job_id": job_id} for event in self.events])
        return job_id


_JOB, _TAGS, _EVENTS = insert(Job), insert(JobTag), insert(JobEvent)


def _without_id(row: Values) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}
