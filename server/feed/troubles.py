"""Quarantine of the feed: a job at which one of its steps fails is left out for a while, and told to the operator."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.containment import Contained
from tuning.db.database_errors import DATABASE_TROUBLE
from tuning.errors import NotFound, Unavailable
from tuning.jobs.models import Job
from tuning.jobs.troubles import Step, Subject, forget_everywhere, note_failure, pause

Item = TypeVar("Item")

_log = logging.getLogger(__name__)

_FORGOTTEN_AFTER_SECONDS = 3600.0
"""So long after its time nobody has tried it: the job is gone, or nobody reads it."""

FORESEEN = (Unavailable, NotFound, *DATABASE_TROUBLE)
STEPS = (Step.FEED_TICK, Step.FEED_PROGRESS, Step.FEED_EVENTS, Step.FEED_LOGS, Step.FEED_BOARD)


@dataclass(frozen=True)
class Failed:
    """A step that failed at a job."""

    step: Step
    job_id: str
    error: BaseException


@dataclass
class _Held:
    failures: int = 0
    until: float = 0.0
    """Monotonic seconds."""


@dataclass
class Notes:
    """Failures of steps at jobs, and recoveries from them, that are to be written down."""

    failed: list[Failed] = field(default_factory=list)
    healed: list[tuple[Step, str]] = field(default_factory=list)


class FeedTroubles:
    """Of the event loop's thread."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._held: dict[tuple[Step, str], _Held] = {}
        self._notes = Notes()

    @contextmanager
    def contained(self, step: Step, job_id: str) -> Iterator[None]:
        """A block that concerns one job: its error stays with that job."""
        with Contained(*FORESEEN) as attempt:
            yield
        if attempt.error is not None:
            self.failed(Failed(step, job_id, attempt.error))
        else:
            self.succeeded(step, job_id)

    def each(
        self, step: Step, items: Iterable[Item], job_of: Callable[[Item], str], act: Callable[[Item], None]
    ) -> None:
        """Act on each; as long as nothing fails that costs no more than a loop. To act twice is as to act once."""
        ordered = list(items)
        with Contained(*FORESEEN) as attempt:
            if not self._held:
                for item in ordered:
                    act(item)
        if attempt.error is None and not self._held:
            return
        for item in ordered:
            with self.contained(step, job_of(item)):
                act(item)

    def failed(self, failed: Failed) -> None:
        """Leave the job out of the step for a while."""
        held = self._held.setdefault((failed.step, failed.job_id), _Held())
        held.failures += 1
        held.until = self._monotonic() + pause(held.failures).total_seconds()
        self._notes.failed.append(failed)
        where = {"action": "quarantined", "step": failed.step, "job_id": failed.job_id}
        _log.error("%s failed at %s", failed.step, failed.job_id, exc_info=failed.error, extra=where)

    def succeeded(self, step: Step, job_id: str) -> None:
        """Costs nothing where the step had not failed at the job."""
        if self._held.pop((step, job_id), None) is not None:
            self._notes.healed.append((step, job_id))

    def is_held(self, step: Step, job_id: str) -> bool:
        """Whether a job is left out of a step now."""
        held = self._held.get((step, job_id))
        return held is not None and self._monotonic() < held.until

    def held(self, step: Step) -> frozenset[str]:
        """The jobs that are left out of a step now."""
        now = self._monotonic()
        return frozenset(job_id for (of, job_id), held in self._held.items() if of is step and now < held.until)

    def take_notes(self) -> Notes | None:
        """The notes that are to be written down since the last time; None where there are none."""
        oldest = self._monotonic() - _FORGOTTEN_AFTER_SECONDS
        self._held = {key: held for key, held in self._held.items() if held.until > oldest}
        notes, self._notes = self._notes, Notes()
        return notes if notes.failed or notes.healed else None


def write_notes(session: Session, notes: Notes, now: datetime) -> None:
    """For the operator, and as an event on each job that failed."""
    ids = {failed.job_id for failed in notes.failed}
    clusters = {row.id: row.cluster for row in session.execute(select(Job.id, Job.cluster).where(Job.id.in_(ids)))}
    for failed in notes.failed:
        if failed.job_id in clusters:
            subject = Subject.job(failed.job_id)
            note_failure(session, clusters[failed.job_id], failed.step, subject, failed.error, now)
    for step, job_id in notes.healed:
        forget_everywhere(session, [step], job_id)


def one_by_one(step: Step, job_ids: Collection[str], read: Callable[[Collection[str]], None]) -> list[Failed]:
    """Read of all these jobs at once; where that fails, of each by itself. Those at which it failed."""
    with Contained(*FORESEEN) as attempt:
        read(job_ids)
    if attempt.error is None:
        return []
    failed = []
    for job_id in job_ids:
        with Contained(*FORESEEN) as single:
            read([job_id])
        if single.error is not None:
            failed.append(Failed(step, job_id, single.error))
    return failed
