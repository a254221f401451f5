"""Limits keep waiting jobs from being claimed: all of them are compared, and the chosen ones once more, locked.

The look that counts is the one in the claim's own transaction: two workers that drive two clusters wait there for each
other. The look before it finds, among all that wait, those that will pass, and tells the others why they wait.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from tuning.jobs.models import Job
from tuning.jobs.queries.driver import tell_queued
from tuning.jobs.queries.use.limits import limited_jobs, load_limits, load_locked_limits, start_uses
from tuning.jobs.queries.use.result_sizes import ResultSizes
from tuning.queue.limits.admission import Admission, HeldBack, admitted
from tuning.queue.limits.limit import Account, LimitKind, Limits, Tally
from tuning.queue.limits.reservations import reservations
from tuning.queue.limits.words import held_words
from worker.driver import Driver

TELL_SECONDS = 60.0
"""How often a job is told anew of the limit that holds it: who uses it changes all the time."""


@dataclass(frozen=True)
class _Told:
    account: Account
    reason: str
    at: float


class LimitGate:
    """Keeps within the limits what is claimed for one cluster, and remembers what the others were told."""

    def __init__(self, driver: Driver, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._driver, self._monotonic = driver, monotonic
        self.is_limited = False
        """By the last locked look: where no limit is set, no other look is taken."""
        self._held: Mapping[str, HeldBack] = {}
        self._told: dict[str, _Told] = {}
        self._results = ResultSizes(monotonic)

    def let_in(self, session: Session, ready: Sequence[str]) -> Sequence[str]:
        """The jobs, in their order, that no limit holds back at this moment; the others are to be told."""
        self._held = {}
        if not self.is_limited:
            return ready
        admission = self._admission(session, load_limits(session), ready)
        self._held = admission.held
        return admission.starting

    def let_in_now(self, session: Session, jobs: Sequence[Job]) -> Sequence[Job]:
        """The jobs, in their order, that may be claimed in this transaction: until its end nobody else claims."""
        limits = load_locked_limits(session)
        self.is_limited = bool(limits.all)
        if not self.is_limited:
            return jobs
        starting = frozenset(self._admission(session, limits, [job.id for job in jobs]).starting)
        return [job for job in jobs if job.id in starting]

    def tell_held(self) -> None:
        """Give the jobs that were held back the limit as the reason why they wait, where that is news."""
        now = self._driver.now()
        told = {job_id: self._telling(held, now) for job_id, held in self._held.items()}
        news: dict[str, list[str]] = {}
        for job_id, telling in told.items():
            if job_id not in self._told or self._told[job_id].reason != telling.reason:
                news.setdefault(telling.reason, []).append(job_id)
        self._told = told
        if news:
            with self._driver.apply() as session:
                for reason, job_ids in news.items():
                    tell_queued(session, self._driver.settings.name, Job.id.in_(job_ids), reason, now)

    def _telling(self, held: HeldBack, now: datetime) -> _Told:
        """Words for a held job: for a while those that it was told before, as long as it is the same limit."""
        known, moment = self._told.get(held.job_id), self._monotonic()
        if known is not None and known.account == held.bound.account and moment - known.at < TELL_SECONDS:
            return known
        return _Told(held.bound.account, f"waiting: {held_words(held, now)}", moment)

    def _admission(self, session: Session, limits: Limits, job_ids: Sequence[str]) -> Admission:
        if not limits.all:
            return Admission(tuple(job_ids), {})
        used = start_uses(session, limits, self._driver.now(), self._result_sizes(session, limits))
        jobs = limited_jobs(session, job_ids)
        return admitted(jobs, limits, used, reservations(jobs, limits, used, self._driver.now(), self._driver.weights))

    def _result_sizes(self, session: Session, limits: Limits) -> Sequence[Tally] | None:
        if LimitKind.RESULT_BYTES not in limits.kinds():
            return None
        return self._results.tallies(session, self._driver.now())
