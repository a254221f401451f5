"""Queue of a cluster: the fair order of its waiting jobs, kept for a few seconds, and the window of it.

The order is remade when jobs have come or ended, but never so often that it takes more than a tenth of the time: jobs
that come in between stand at its end until then.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from tuning.jobs.queries.driver import ids_in_slurm, queue_sign, waiting_ids
from tuning.jobs.queries.queue.gpu_use import GpuUse
from tuning.jobs.queries.queue.standing import (
    MOST_WAITING,
    QueueRows,
    RunningRow,
    WaitingRow,
    queue_rows,
    rows_of_waiting,
    with_waiting,
)
from tuning.jobs.status import JobStatus
from tuning.queue.order import ordered
from tuning.queue.waiting_job import WaitingJob
from tuning.queue.window import Window, is_all_alike, window
from worker.driver import Driver
from worker.submit.cluster_cache import KnownCluster
from worker.submit.pools import pool_of, present_uses

KEPT_SECONDS = 5.0
_LARGEST_SHARE = 10
"""Of the time, at most a tenth goes into orders."""
HELD_BACK = "waits for its turn in the queue: jobs before it come first"
MOST_TOLD = 500


@dataclass(frozen=True)
class _Kept:
    """An order, and what it was made from."""

    rows: QueueRows
    order: Mapping[str, WaitingRow]
    sign: Sequence[Any]
    read_at: float
    """When use and shares were read; the jobs that wait may have been read anew since."""
    made_at: float
    seconds: float
    """That it took."""


class QueueOrder:
    """The order of what waits for a cluster, and the part of it that is for Slurm."""

    def __init__(self, driver: Driver, known: KnownCluster, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._driver = driver
        self._known = known
        self._monotonic = monotonic
        self._kept: _Kept | None = None
        self._is_of_this_look = False
        self._settled: tuple[Sequence[Any], datetime, float] | None = None
        self.fallen_behind: Sequence[str] = ()
        """Jobs inside Slurm that are to be taken back, by the last look."""
        self.untold: Sequence[str] = ()
        """Jobs that were held back at the last look, and say something else."""

    def in_order(self, session: Session, only: ColumnElement[bool] | None = None) -> list[str]:
        """Ids of the queued jobs that may be submitted (`only` those), the first of the order first.

        Empty where nothing has changed since a look, a few seconds ago, at which all were held back.
        """
        if only is None and self._is_settled(session):
            return []
        ids = waiting_ids(session, self._driver.settings.name, MOST_WAITING, self._driver.now(), only)
        if not ids:
            self.fallen_behind = self.untold = ()
            return []
        eligible = set(ids)
        return [job_id for job_id in self._present(session, ids).order if job_id in eligible]

    def within_window(self, session: Session, job_ids: Sequence[str], *, is_all: bool) -> list[str]:
        """Of jobs that `in_order` has just told, those that Slurm is to have now.

        `is_all` says that they are all of them: no others wait for their data.
        """
        kept = self._kept or self._present(session, job_ids)
        in_slurm = self._in_slurm(session, kept)
        allowed = in_slurm.union(job_ids)
        rows = [row for job_id, row in kept.order.items() if job_id in allowed]
        windows = [
            self._window([row.job for row in competing], in_slurm, use)
            for competing, use in self._competing(session, kept.rows.running, rows)
        ]
        inside = {job.id for each in windows for job in each.handed_over}
        found = [job_id for job_id in job_ids if job_id in inside]
        self.fallen_behind = [job.id for each in windows for job in each.taken_back]
        held_back = (job_id for job_id in job_ids if job_id not in inside)
        self.untold = [job_id for job_id in held_back if kept.order[job_id].status_reason != HELD_BACK][:MOST_TOLD]
        self._settled = (
            None if found or not is_all or not job_ids else (kept.sign, self._driver.now(), self._monotonic())
        )
        return found

    def note_told(self, job_ids: Collection[str]) -> None:
        """These say now why they wait."""
        if self._kept is not None:
            told = {job_id: self._kept.order[job_id]._replace(status_reason=HELD_BACK) for job_id in job_ids}
            self._kept = replace(self._kept, order={**self._kept.order, **told})
        self.untold = ()

    def _in_slurm(self, session: Session, kept: _Kept) -> frozenset[str]:
        """Jobs that wait inside Slurm, as the order has them where it was made at this look."""
        if not self._is_of_this_look:
            return ids_in_slurm(session, self._driver.settings.name)
        return frozenset(job_id for job_id, row in kept.order.items() if row.status is not JobStatus.QUEUED)

    def _is_settled(self, session: Session) -> bool:
        if self._settled is None:
            return False
        sign, at, looked_at = self._settled
        age = max(abs((self._driver.now() - at).total_seconds()), self._monotonic() - looked_at)
        return age < KEPT_SECONDS and sign == queue_sign(session, self._driver.settings.name)

    def _competing(
        self, session: Session, running: Sequence[RunningRow], rows: Sequence[WaitingRow]
    ) -> Iterator[tuple[list[WaitingRow], GpuUse | None]]:
        """The waiting jobs by the GPUs for which they compete; of a partition by itself where none are known."""
        if is_all_alike([row.job for row in rows]):  # whatever GPUs there are
            yield list(rows), None
            return
        uses = present_uses(session, self._driver, self._known, running, {row.partition for row in rows})
        use_of = {partition: use for use in uses for partition in use.partitions}
        apart: dict[str, list[WaitingRow]] = defaultdict(list)
        together: dict[frozenset[str], list[WaitingRow]] = defaultdict(list)
        for row in rows:
            use = use_of.get(row.partition)
            (apart[row.partition] if use is None else together[use.partitions]).append(row)
        yield from ((its, None) for its in apart.values())
        yield from ((together[use.partitions], use) for use in uses if use.partitions in together)

    def _window(self, jobs: Sequence[WaitingJob], in_slurm: Collection[str], use: GpuUse | None) -> Window:
        now, settings = self._driver.now(), self._driver.settings
        soon = timedelta(seconds=2 * settings.poll_interval_seconds)
        pool = pool_of(use, now, soon) if use is not None else None
        return window(jobs, in_slurm, pool, settings.window_jobs, now.timestamp())

    def _present(self, session: Session, job_ids: Collection[str]) -> _Kept:
        kept, sign, now = self._kept, queue_sign(session, self._driver.settings.name), self._monotonic()
        if kept is None or now - kept.read_at >= KEPT_SECONDS:
            kept = self._made(session, sign, None)
        elif sign != kept.sign and now - kept.made_at > _LARGEST_SHARE * kept.seconds:
            kept = self._made(session, sign, kept if _is_only_longer(sign, kept.sign) else None)
        self._is_of_this_look = kept is not self._kept
        if unknown := [job_id for job_id in job_ids if job_id not in kept.order]:
            late = {row.job.id: row for row in rows_of_waiting(session, self._driver.settings.name, unknown)}
            kept = replace(kept, order={**kept.order, **late})
        self._kept = kept
        return kept

    def _made(self, session: Session, sign: Sequence[Any], earlier: _Kept | None) -> _Kept:
        """A new order; with the use and shares of an earlier one where these are the same."""
        began, weights, name = self._monotonic(), self._driver.weights, self._driver.settings.name
        rows = with_waiting(session, name, earlier.rows) if earlier is not None else queue_rows(session, name)
        now = self._driver.now().timestamp()
        fair = rows.standings(now, weights.half_life_seconds)
        standings = {person: its.standing for person, its in fair.items()}
        snapshot = self._known.description(session).snapshot
        gpus = sum(node.gpus for node in snapshot.nodes if node.is_usable)
        by_id = {row.job.id: row for row in rows.waiting}
        order = {
            job.id: by_id[job.id] for job in ordered((row.job for row in rows.waiting), standings, gpus, now, weights)
        }
        read_at = earlier.read_at if earlier is not None else began
        return _Kept(rows, order, sign, read_at, began, self._monotonic() - began)


def _is_only_longer(sign: Sequence[Any], earlier: Sequence[Any]) -> bool:
    """Whether more jobs wait than by an earlier sign of the queue, and the same run."""
    (running, waiting), (ran, waited) = _running_and_waiting(sign), _running_and_waiting(earlier)
    return running == ran and waiting > waited


def _running_and_waiting(sign: Sequence[Any]) -> tuple[Sequence[Any], int]:
    running = [its for its in sign if its[0] is JobStatus.RUNNING]
    return running, sum(count for status, count, _ in sign if status is not JobStatus.RUNNING)
