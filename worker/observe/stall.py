"""Runs that stand still: told with what the node says of them, and ended where the operator wants that."""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial

from sqlalchemy import Select, bindparam, select, tuple_
from sqlalchemy.orm import Session

from tuning.errors import CommandTimedOut, SlurmUnavailable
from tuning.jobs.actions.control import touch
from tuning.jobs.layout import slurm_job_name
from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event
from tuning.jobs.troubles import Step, Subject
from tuning.llamafactory.progress.eta_state import EtaState
from tuning.llamafactory.progress.silence import FIRST_LINE_SECONDS, LEAST_SECONDS, patience_seconds
from tuning.moments import later
from worker.driver import Driver
from worker.quarantine import Quarantine

log = logging.getLogger(__name__)

STALLED = "stalled"
"""What an attempt is remembered for that was ended because it stood still."""
_LEAST_GAP_SECONDS = 60.0
_OF_ONE_RUN = (CommandTimedOut, SlurmUnavailable)
"""Its node may be what does not answer."""


@dataclass(frozen=True)
class _Run:
    """A run that has been silent for a while, and of which nobody was told."""

    job_id: str
    number: int
    token: str
    slurm_job_id: int
    patience_seconds: float

    @property
    def key(self) -> "_Key":
        return self.job_id, self.number


_Key = tuple[str, int]


class Silences:
    """Seconds of silence of each watched run. Pure.

    Only time between two looks that both saw something of the run counts, and no more of it than `most_seconds`: a
    worker that slept, a cluster that was away and a folder that could not be read say nothing about a run.
    """

    def __init__(self, most_seconds: float) -> None:
        self._most_seconds = most_seconds
        self._looked_at: float | None = None
        self._runs: dict[_Key, tuple[datetime, float]] = {}

    def look(self, markers: Mapping[_Key, datetime], visible: Collection[_Key], now: float) -> dict[_Key, float]:
        """The seconds of silence of each run; a marker that has changed means that it has spoken."""
        gap = now - self._looked_at if self._looked_at is not None else 0.0
        counted = min(gap, self._most_seconds)
        self._looked_at = now
        self._runs = {
            key: (marker, self._longer(key, marker, counted if key in visible else 0.0))
            for key, marker in markers.items()
        }
        return {key: seconds for key, (_, seconds) in self._runs.items()}

    def interrupt(self) -> None:
        """The time until the next look does not count."""
        self._looked_at = None

    def _longer(self, key: _Key, marker: datetime, seconds: float) -> float:
        old_marker, silence = self._runs.get(key, (None, 0.0))
        return silence + seconds if old_marker == marker else 0.0


class StallWatch:
    """Watches running jobs for those that stand still, from cycle to cycle."""

    def __init__(self, driver: Driver, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._driver, self._monotonic = driver, monotonic
        self._silences = Silences(max(_LEAST_GAP_SECONDS, 3 * driver.settings.poll_interval_seconds))
        self._failures = driver.breaker.failures_ever

    def tell(self, visible: Collection[str]) -> None:
        """Tell of one run at most: its node is asked, which is a remote command. Raises ClusterError.

        `visible`: the ids of the jobs of which the cycle's look saw a file.
        """
        if self._failures != self._driver.breaker.failures_ever:
            self._failures = self._driver.breaker.failures_ever
            self._silences.interrupt()
        with self._driver.load() as session:
            markers = _markers(session, self._driver.settings.name)
            silent = self._silences.look(markers, {key for key in markers if key[0] in visible}, self._monotonic())
            quiet = [key for key, seconds in silent.items() if seconds > LEAST_SECONDS]
            late = [run for run in _untold(session, quiet) if silent[run.key] > run.patience_seconds]
        if not late:
            return
        quarantine = Quarantine(self._driver, Step.STALL, _subject, own=_OF_ONE_RUN)
        latest_first = sorted(quarantine.due(late), key=lambda run: run.patience_seconds - silent[run.key])
        told = quarantine.each(latest_first[:1], partial(_tell_and_end, self._driver))
        quarantine.succeeded(run for run, _ in told)


def quiet_until(state: EtaState, now: datetime) -> datetime | None:
    """Time at which a run that says nothing more will be taken to stand still; None where that is never."""
    return later(now, patience_seconds(state))


def _subject(run: _Run) -> Subject:
    return Subject.job(run.job_id)


def _tell_and_end(driver: Driver, run: _Run) -> None:
    driver.check()
    inventory = driver.cluster.inspect(run.slurm_job_id)
    with driver.apply() as session:
        _tell(session, driver, run, inventory)
    log.warning("%s stands still", run.job_id, extra={"action": "stalled", "job_id": run.job_id})
    if driver.settings.end_stalled:
        driver.cluster.cancel([(run.slurm_job_id, slurm_job_name(run.job_id, run.number, run.token))])


def _markers(session: Session, cluster: str) -> dict[_Key, datetime]:
    """`quiet_until` of each run that is expected to say something: another value means that it has spoken."""
    rows = session.connection().execute(_expected_to_speak(), {"cluster": cluster})
    return {(job_id, number): marker for job_id, number, marker in rows if marker is not None}


@cache
def _expected_to_speak() -> Select[str, int, datetime | None]:
    """Asked in each cycle: to build it costs several times what it costs to run it."""
    return (
        select(Attempt.job_id, Attempt.number, Attempt.quiet_until)
        .join(Job, (Attempt.job_id == Job.id) & (Attempt.number == Job.attempt))
        .where(
            Job.cluster == bindparam("cluster"),
            Job.status == JobStatus.RUNNING,
            Job.slurm_state == "RUNNING",  # one that Slurm has suspended need not go on
            Attempt.quiet_until.is_not(None),
            Attempt.slurm_job_id.is_not(None),
        )
    )


def _untold(session: Session, keys: Sequence[_Key]) -> list[_Run]:
    if not keys:
        return []
    columns = (Attempt.token, Attempt.slurm_job_id, Attempt.quiet_until, Attempt.last_step, Job.progress_at)
    wanted = (
        select(Attempt.job_id, Attempt.number, *columns)
        .join(Job, Attempt.job_id == Job.id)
        .where(tuple_(Attempt.job_id, Attempt.number).in_(keys), Job.stalled_since.is_(None))
    )
    return [
        _Run(job_id, number, token, slurm_job_id, _patience(until, last_step, progress_at))
        for job_id, number, token, slurm_job_id, until, last_step, progress_at in session.execute(wanted)
        if slurm_job_id is not None and until is not None
    ]


def _patience(quiet_until: datetime, last_step: int | None, progress_at: datetime | None) -> float:
    """As it was when the newest line was taken in: both times are then of one moment of one clock."""
    if last_step is None or progress_at is None:
        return FIRST_LINE_SECONDS
    return max(LEAST_SECONDS, (quiet_until - progress_at).total_seconds())


def _tell(session: Session, driver: Driver, run: _Run, inventory: str) -> None:
    job, attempt = session.get_one(Job, run.job_id), session.get_one(Attempt, (run.job_id, run.number))
    now = driver.now()
    job.stalled_since = job.progress_at or attempt.started_at or now
    touch(job, now)
    will_end = driver.settings.end_stalled
    if will_end:
        attempt.ended_by = STALLED
    follow = "; it is ended" if will_end else "; it is left alone: cancel it, or hold and release it"
    message = f"no new step since {job.stalled_since:%Y-%m-%d %H:%M:%S} UTC{follow}"
    record_event(session, job.id, "job.stalled", message, now, {"step": job.current_steps, "node": inventory})
