"""View of a cluster's queue at a moment: the place of each waiting job, and when it starts and ends."""

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Self

from server.feed.queue.machine import Machine, machines, run_ends
from server.feed.queue.readings import Readings, with_leaves
from tuning.jobs.queries.queue.standing import WaitingRow
from tuning.jobs.queries.use.leaving_hours import Leaves
from tuning.jobs.status import JobStatus
from tuning.queue.estimate import Estimate
from tuning.queue.forecast import ClusterQueue, Forecast, after_others, by_slurms_word, forecast
from tuning.queue.limits.admission import Admission, HeldBack, admitted
from tuning.queue.limits.ahead import LimitsAhead
from tuning.queue.limits.limit import Account, LimitedJob, Uses
from tuning.queue.limits.reservations import reservations
from tuning.queue.line import Line
from tuning.queue.order import Weights
from tuning.queue.play import ExpectedJob
from tuning.queue.run_length import run_length
from tuning.queue.waiting_job import WaitingJob

_LONGEST_CHAIN = 20
"""Of jobs that wait for each other: of those further behind no start is told."""


@dataclass(frozen=True)
class Outlook:
    """Place and expected times of a waiting job, as they were at a moment."""

    position: int | None
    forecast: Forecast | None
    made_at: datetime
    held: HeldBack | None = None
    """The limit that holds it, where it is a job that might come."""


class QueueView:
    """Answers about a cluster's queue until the next look at the database. For several threads."""

    def __init__(self, readings: Readings, weights: Weights, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.forecast_seconds = 0.0
        """Time that the forecast took, once it was wanted."""
        self._monotonic = monotonic
        self.readings, self._weights = readings, weights
        self.machines = machines(readings)
        now = readings.read_at.timestamp()
        self.standings = readings.rows.standings(now, weights.half_life_seconds)
        queued = [row for row in readings.rows.waiting if row.status is JobStatus.QUEUED]
        standings = {person: its.standing for person, its in self.standings.items()}
        gpus = sum(machine.gpus.total for machine in self.machines)
        self._line = Line([row.job for row in queued], standings, gpus, now, weights)
        self._rows = {row.job.id: row for row in (*readings.rows.waiting, *readings.held)}
        in_slurm = (row for row in readings.rows.waiting if row.status is not JobStatus.QUEUED)
        self.rows = [*sorted(in_slurm, key=_handed_over), *(self._rows[job.id] for job in self._line.jobs)]
        self.held_back = self._admission(self._limited_jobs(), readings.uses).held
        """The queued jobs that a limit keeps from being handed over, by id."""
        self._forecasts: Mapping[str, Forecast] | None = None
        self._beside: Sequence[ClusterQueue] | None = None
        self._lock = threading.Lock()

    @property
    def lacks_others(self) -> bool:
        """Whether it is yet to be told the queues of clusters whose jobs compete with these for limits."""
        return bool(self.readings.others) and self._beside is None

    def play_beside(self, others: Iterable[Self]) -> None:
        """Take these clusters' queues into the forecast, as they are now."""
        began = self._monotonic()
        self._beside = [view.queue for view in others]  # not the views: they may know an earlier one of this
        self.forecast_seconds += self._monotonic() - began

    @cached_property
    def queue(self) -> ClusterQueue:
        """The jobs that compete for GPUs now, in order, with those GPUs."""
        return self._queue(self.machines)

    def row(self, job_id: str) -> WaitingRow | None:
        """The row of a waiting job, held ones too."""
        return self._rows.get(job_id)

    def place(self, job_id: str) -> int | None:
        """The place of a job in our queue; a held one has that which it would have."""
        row = self._rows.get(job_id)
        with self._lock:
            if row is not None and row.status is JobStatus.HELD:
                return self._line.place_of_another(row.job)
            return self._line.place(job_id)

    def add(self, job: WaitingJob) -> int:
        """The place of a job that came after the look at the database."""
        with self._lock:
            return self._line.add(job)

    def place_of_another(self, job: WaitingJob) -> int:
        """The place that a further job would have."""
        with self._lock:
            return self._line.place_of_another(job)

    def outlook(self, job_id: str) -> Outlook:
        """The place and expected times of a job; nothing of one that is not known here."""
        return Outlook(self.place(job_id), self.forecasts().get(job_id), self.readings.read_at)

    def outlook_of_another(
        self, job: WaitingJob, limited: LimitedJob, leaves: Mapping[Account, Leaves] | None = None
    ) -> Outlook:
        """The place and expected times that a further job would have, and the limit that would hold it.

        `leaves` tells of the hours at whose limits it would wait when they cease to count.
        """
        place = self.place_of_another(job)
        before, behind = self._limited_jobs()[: place - 1], self._limited_jobs()[place - 1 :]
        used = with_leaves(self.readings.uses, leaves or {})
        held = self._admission([*before, limited, *behind], used).held.get(job.id)
        return Outlook(place, self._forecast_with(job, limited, place, used), self.readings.read_at, held)

    def forecasts(self) -> Mapping[str, Forecast]:
        """Starts and ends of the waiting jobs, by id, as far as something tells of them."""
        with self._lock:
            if self._forecasts is None:
                began = self._monotonic()
                self._forecasts = self._new_forecasts()
                self.forecast_seconds += self._monotonic() - began
            return self._forecasts

    def run_seconds(self, job: WaitingJob) -> Estimate:
        """Length of a waiting job's run, by its owner's earlier runs."""
        return run_length(job.limit_seconds, self.readings.parts.get(job.person, ()))

    def _limited_jobs(self) -> list[LimitedJob]:
        """The queued jobs as limits see them, in order: none that waits for others."""
        known = self.readings
        return [
            known.limited[job.id] for job in self._line.jobs if job.id in known.limited and job.id not in known.unmet
        ]

    def _admission(self, jobs: Sequence[LimitedJob], used: Uses) -> Admission:
        kept = reservations(jobs, self.readings.limits, used, self.readings.read_at, self._weights)
        return admitted(jobs, self.readings.limits, used, kept)

    def _new_forecasts(self) -> dict[str, Forecast]:
        now = self.readings.read_at.timestamp()
        found: dict[str, Forecast] = {}
        if self.machines:
            found |= self._played(self.queue, self.readings.uses)
        for row in self.rows:
            if row.expected_start_at is not None:
                run = self.run_seconds(row.job)
                starts_at = row.expected_start_at.timestamp()
                found[row.job.id] = by_slurms_word(found.get(row.job.id), starts_at, run, now)
        self._add_dependent(found, now)
        return found

    def _played(self, queue: ClusterQueue, used: Uses) -> Mapping[str, Forecast]:
        now, ahead = self.readings.read_at.timestamp(), LimitsAhead(self.readings.limits, used, queue.behind)
        return forecast(queue.ordered, queue.pools, now, ahead, self._beside or ())

    def _queue(self, machines: Sequence[Machine]) -> ClusterQueue:
        behind = {job_id: held.bound.account for job_id, held in self.held_back.items() if held.is_behind}
        return ClusterQueue(self._expected(machines), [machine.gpus_now for machine in machines], behind)

    def _expected(self, machines: Sequence[Machine]) -> list[ExpectedJob]:
        """The jobs that compete for the GPUs of these machines now, in order: none that waits for others."""
        pools = {partition: number for number, each in enumerate(machines) for partition in each.partitions}
        return [
            self._expected_job(row.job, pools[row.partition], self.readings.limited.get(row.job.id))
            for row in self.rows
            if row.partition in pools and row.job.gpus > 0 and row.job.id not in self.readings.unmet
        ]

    def _expected_job(self, job: WaitingJob, pool: int, limited: LimitedJob | None) -> ExpectedJob:
        return ExpectedJob(job, self.run_seconds(job), pool, limited)

    def _forecast_with(self, job: WaitingJob, limited: LimitedJob, place: int, used: Uses) -> Forecast | None:
        """The forecast of a further job at its place; without limits the other pools make no difference."""
        partition = limited.place.partition
        reachable = machines(self.readings, (partition,))  # nobody else may ask for this partition
        own = [each for each in reachable if partition in each.partitions]
        if job.gpus <= 0 or not own:
            return None
        played = [*own, *(each for each in reachable if each not in own)] if self.readings.limits.all else own
        queue = self._queue(played)
        index = sum(1 for other in queue.ordered if (self._line.place(other.job.id) or 0) < place)
        further = self._expected_job(job, 0, limited)
        longer = replace(queue, ordered=[*queue.ordered[:index], further, *queue.ordered[index:]])
        return self._played(longer, used).get(job.id)

    def _add_dependent(self, found: dict[str, Forecast], now: float) -> None:
        """Starts of jobs that wait for others, as far as the ends of these are told."""
        ends = {row.job_id: run_ends(row, self.readings) for row in self.readings.rows.running}
        ends |= {job_id: its.ends_at for job_id, its in found.items()}
        waiting = {job_id: its for job_id, its in self.readings.unmet.items() if job_id in self._rows}
        for _ in range(_LONGEST_CHAIN):
            known = [job_id for job_id, awaited in waiting.items() if all(each in ends for each in awaited)]
            for job_id in known:
                run = self.run_seconds(self._rows[job_id].job)
                found[job_id] = after_others([ends[each] for each in waiting.pop(job_id)], run, now)
                ends[job_id] = found[job_id].ends_at
            if not known:
                break


def has_moved(before: Outlook, after: Outlook) -> bool:
    """Whether the place is another one, or the start or end by more than a tenth of what is left (half a minute)."""
    if before.position != after.position or (before.forecast is None) != (after.forecast is None):
        return True
    if before.forecast is None or after.forecast is None:
        return False
    now = after.made_at.timestamp()
    pairs = ((before.forecast.starts_at, after.forecast.starts_at), (before.forecast.ends_at, after.forecast.ends_at))
    return any(
        abs(new.expected - old.expected) > max(_LEAST_MOVE_SECONDS, _LEAST_MOVE * (new.expected - now))
        for old, new in pairs
    )


def expected_values(outlook: Outlook | None, updated_at: datetime) -> dict[str, Any]:
    """Fields of a job's progress that follow from its forecast; none where there is no forecast."""
    if outlook is None or outlook.forecast is None:
        return {}
    ends, made_at = outlook.forecast.ends_at, outlook.made_at.timestamp()
    return {
        "expected_start_at": moment(outlook.forecast.starts_at.expected),
        "expected_end_at": moment(ends.expected),
        "eta_seconds": round(ends.expected - made_at, 1),
        "eta_low_seconds": round(ends.low - made_at, 1),
        "eta_high_seconds": round(ends.high - made_at, 1),
        "updated_at": max(updated_at, outlook.made_at),
    }


def moment(seconds: float) -> datetime:
    """A time of a forecast, for people."""
    return datetime.fromtimestamp(min(seconds, _LATEST_SECONDS), UTC).replace(microsecond=0)


def _handed_over(row: WaitingRow) -> tuple[float, float, str]:
    """The order in which Slurm was given them: that in which it starts them, whoever waited longer here."""
    number = math.inf if row.slurm_job_id is None else row.slurm_job_id
    return number, row.job.queued_at, row.job.id


_LEAST_MOVE, _LEAST_MOVE_SECONDS = 0.1, 30.0
_LATEST_SECONDS = 253_370_764_800.0
"""The year 9999."""
