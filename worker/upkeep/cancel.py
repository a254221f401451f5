"""Runs that are to end: Slurm is told, or the run itself is asked to save a checkpoint first.

A job says `cancelled` or `held` only when Slurm has confirmed its end (worker.observe.watch).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, false, func, or_, select, update

from tuning.jobs.attempt.continuation import YIELDED
from tuning.jobs.layout import slurm_job_name
from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import ON_CLUSTER, JobStatus
from tuning.jobs.troubles import Step, Subject
from worker.driver import Driver
from worker.observe.stall import STALLED
from worker.quarantine import Quarantine
from worker.submit.launch import LAUNCH_FAILED, TAKEN_BACK


@dataclass(frozen=True)
class _Unwanted:
    """A job that Slurm has and somebody wants ended."""

    job_id: str
    number: int
    token: str
    slurm_job_id: int
    status: JobStatus
    kind: str
    saves: bool
    stop_sent_at: datetime | None
    only_waiting: bool
    """Whether it is to be ended only while it waits in Slurm's queue."""

    @property
    def slurm_name(self) -> str:
        """Name of its Slurm job: no other is to be ended, whatever its number."""
        return slurm_job_name(self.job_id, self.number, self.token)


def _subject(run: _Unwanted) -> Subject:
    return Subject.job(run.job_id)


class Canceller:
    """Ends what nobody wants any more, or not now."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._told: set[str] = set()
        self._asked: set[str] = set()

    def cancel_wanted(self) -> None:
        """One scancel for every such job that Slurm still has; told again each cycle until it has ended."""
        self._told.clear()
        self._asked.clear()
        self.cancel_new()

    def cancel_new(self) -> None:
        """End the unwanted jobs that Slurm was not told of in this cycle; jobs that are to save are asked only once."""
        unwanted = self._unwanted()
        if not unwanted:
            return
        quarantine = Quarantine(self._driver, Step.CANCEL, _subject)
        quarantine.forget_all_but(unwanted)
        judged = quarantine.each(quarantine.due(unwanted), self._is_to_save)
        to_save = [run for run, saves in judged if saves]
        to_stop = [run for run in to_save if run.stop_sent_at is None and run.slurm_name not in self._asked]
        if to_stop:
            self._ask_to_stop(to_stop, quarantine)
        to_end = [run for run, saves in judged if not saves and run.slurm_name not in self._told]
        if to_end:
            self._end(to_end, quarantine)

    def _is_to_save(self, run: _Unwanted) -> bool:
        """Whether it has, or gets, the time to save a checkpoint."""
        if not run.saves or run.status is not JobStatus.RUNNING or run.kind != "train":
            return False
        patience = timedelta(seconds=self._driver.settings.save_patience_seconds)
        return run.stop_sent_at is None or self._driver.ages.of(("stop", run.slurm_name)) < patience

    def _ask_to_stop(self, runs: Sequence[_Unwanted], quarantine: Quarantine[_Unwanted]) -> None:
        """Written down once it is done: after a crash in between a run is asked again, which changes nothing."""
        self._driver.check()
        heard = self._driver.cluster.ask_to_stop((run.slurm_job_id, run.slurm_name) for run in runs)
        self._asked.update(run.slurm_name for run in runs)
        told = [run for run in runs if run.slurm_name in heard]
        quarantine.succeeded(quarantine.together(told, self._note_stopped))

    def _end(self, runs: Sequence[_Unwanted], quarantine: Quarantine[_Unwanted]) -> None:
        """Of a hold it is written down first: let go meanwhile, the job goes on and was not cancelled by a stranger."""
        held = [run for run in runs if run.saves and run.stop_sent_at is None]
        noted = quarantine.together(held, self._note_stopped)
        ending = [run for run in runs if run not in held or run in noted]
        if not ending:
            return
        self._driver.check()
        cluster = self._driver.cluster
        for only_waiting, cancel in ((False, cluster.cancel), (True, cluster.cancel_waiting)):
            if runs := [run for run in ending if run.only_waiting is only_waiting]:
                cancel((run.slurm_job_id, run.slurm_name) for run in runs)
        self._told.update(run.slurm_name for run in ending)
        quarantine.succeeded(ending)

    def _note_stopped(self, runs: Sequence[_Unwanted]) -> None:
        with self._driver.apply() as session:
            for run in runs:
                self._driver.ages.restart(("stop", run.slurm_name))
                own = (Attempt.job_id == run.job_id, Attempt.number == run.number)
                session.execute(update(Attempt).where(*own).values(stop_sent_at=self._driver.now()))

    def _unwanted(self) -> list[_Unwanted]:
        with self._driver.load() as session:
            rows = session.connection().execute(_unwanted(), {"cluster": self._driver.settings.name})
            return [_Unwanted(*row) for row in rows]


@cache
def _unwanted() -> Select[*tuple[Any, ...]]:
    """In the order of _Unwanted's fields. Kept: it is asked in each cycle."""
    names = (Job.id, Attempt.number, Attempt.token, Attempt.slurm_job_id)
    is_held = Job.cancel_requested_at.is_(None) & Job.hold_requested_at.is_not(None)
    is_taken_back = func.coalesce(Attempt.ended_by == TAKEN_BACK, false())
    is_wanted = Job.cancel_requested_at.is_(None) & Job.hold_requested_at.is_(None)
    yields = Job.cancel_requested_at.is_(None) & func.coalesce(Attempt.ended_by == YIELDED, false())
    saves = is_held | yields | (Job.cancel_requested_at.is_not(None) & Job.cancel_saves.is_(True))
    return (
        select(*names, Job.status, Job.kind, saves, Attempt.stop_sent_at, is_wanted & is_taken_back)
        .join(Attempt, (Attempt.job_id == Job.id) & (Attempt.number == Job.attempt))
        .where(
            Job.cluster == bindparam("cluster"),
            Job.status.in_(ON_CLUSTER),
            or_(
                Job.cancel_requested_at.is_not(None),
                Job.hold_requested_at.is_not(None),
                is_taken_back & (Job.status == JobStatus.PENDING),
                Attempt.ended_by.in_(
                    (STALLED, LAUNCH_FAILED, YIELDED)
                ),  # told again until it has ended, as all others are
            ),
            Attempt.slurm_job_id.is_not(None),
        )
    )
