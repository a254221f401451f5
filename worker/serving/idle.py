"""Served models that nobody uses: ended after the operator's idle time, by the cycle's own scancel."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, select, update
from sqlalchemy.orm import Session

from tuning.jobs.actions.control import locked_job, touch
from tuning.jobs.models import Job
from tuning.jobs.serving.servers import ModelServer, idle_words
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event
from tuning.jobs.troubles import Step, Subject
from worker.driver import Driver
from worker.quarantine import Quarantine

LEAST_WATCHED = timedelta(seconds=90)
"""So long this worker must have seen no use itself: times in rows are of a clock that may have jumped, and an answer
that lasts is told once a minute."""


@dataclass(frozen=True)
class _Ready:
    """A model that is served, and when it was last used, or became ready."""

    job_id: str
    used_at: datetime


class IdleWatch:
    """Watches served models for those that nobody uses, from cycle to cycle."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._seen: dict[str, datetime] = {}

    def end_idle(self) -> None:
        """End what nobody has used for the idle time. No remote command: worker.upkeep.cancel tells Slurm."""
        ready = self._served()
        self._restart_used(ready)
        if not (idle := [each for each in ready if self._is_idle(each)]):
            return
        quarantine = Quarantine(self._driver, Step.SERVE_IDLE, _subject)
        quarantine.succeeded(quarantine.together(quarantine.due(idle), self._end))

    def _served(self) -> list[_Ready]:
        with self._driver.load() as session:
            rows = session.connection().execute(_served(), {"cluster": self._driver.settings.name})
            return [_Ready(*row) for row in rows]

    def _restart_used(self, ready: Sequence[_Ready]) -> None:
        for each in ready:
            if self._seen.get(each.job_id) != each.used_at:
                self._driver.ages.restart(_key(each))
        self._seen = {each.job_id: each.used_at for each in ready}

    def _is_idle(self, each: _Ready) -> bool:
        patience = timedelta(seconds=self._driver.settings.serve_idle_seconds)
        watched = self._driver.ages.of(_key(each))
        return self._driver.now() - each.used_at >= patience and watched >= min(patience, LEAST_WATCHED)

    def _end(self, idle: Sequence[_Ready]) -> None:
        with self._driver.apply() as session:
            for each in idle:
                _end_one(session, self._driver, each)


def _subject(each: _Ready) -> Subject:
    return Subject.job(each.job_id)


def _key(each: _Ready) -> tuple[str, str]:
    return "unused", each.job_id


def _end_one(session: Session, driver: Driver, each: _Ready) -> None:
    job, now = locked_job(session, each.job_id), driver.now()
    if job.cancel_requested_at is not None or job.status is not JobStatus.RUNNING:
        return
    still_unused = (ModelServer.job_id == job.id, _used_at() == each.used_at)
    if session.scalar(update(ModelServer).where(*still_unused).values(idle_at=now).returning(ModelServer.job_id)):
        job.cancel_requested_at = now
        record_event(session, job.id, "job.cancel_requested", idle_words(driver.settings.serve_idle_seconds), now)
        touch(job, now)


@cache
def _served() -> Select[*tuple[Any, ...]]:
    """Asked in each cycle, and cheap: few models are served at once."""
    is_live = (Job.status == JobStatus.RUNNING, Job.cancel_requested_at.is_(None))
    own = (ModelServer.cluster == bindparam("cluster"), ModelServer.ready_at.is_not(None), *is_live)
    return select(ModelServer.job_id, _used_at()).join(Job, Job.id == ModelServer.job_id).where(*own)


def _used_at() -> Any:
    return func.coalesce(ModelServer.last_used_at, ModelServer.ready_at, type_=ModelServer.ready_at.type)
