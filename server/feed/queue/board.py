"""Board of the clusters' queues: each is looked at at most once a second, for all who ask."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from server.feed.queue.readings import read_queue
from server.feed.queue.view import Outlook, QueueView
from tuning.jobs.models import Job
from tuning.jobs.queries.queue.standing import as_waiting_job
from tuning.jobs.queries.use.result_sizes import ResultSizes
from tuning.jobs.status import JobStatus
from tuning.queue.order import Weights

_HOLDS_SECONDS = 1.0
_REST = 10.0
"""A look that took long holds so many times longer: a tenth of the time at most goes into looks."""
_SOONEST_REST = 4.0
"""Likewise where a job is asked for that came after the last look."""


@dataclass(frozen=True)
class _Known:
    view: QueueView
    looked_at: float
    took_seconds: float

    @property
    def cost_seconds(self) -> float:
        """Time that the look took, with its forecast."""
        return self.took_seconds + self.view.forecast_seconds


class QueueBoard:
    """Places and forecasts of waiting jobs. For several threads."""

    def __init__(
        self,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        weights: Weights | None = None,
        holds_seconds: float = _HOLDS_SECONDS,
    ) -> None:
        """A look at a queue holds for so many seconds."""
        self._now = now
        self._monotonic = monotonic
        self._weights = weights or Weights()
        self._holds_seconds = holds_seconds
        self._sizes = ResultSizes(monotonic)
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._known: dict[str, _Known] = {}

    def view(self, session: Session, cluster: str) -> QueueView:
        """The queue of a cluster as it was within about a second."""
        return self._with_others(session, self._view(session, cluster, self._holds_seconds, _REST))

    def view_with(self, session: Session, cluster: str, job_ids: Iterable[str]) -> QueueView:
        """The same, looked at sooner where one of these waiting jobs came since the last look."""
        view = self.view(session, cluster)
        if all(view.row(job_id) is not None for job_id in job_ids):
            return view
        return self._with_others(session, self._view(session, cluster, 0.0, _SOONEST_REST))

    def outlooks(self, session: Session, waiting: Iterable[tuple[str, str]]) -> dict[str, Outlook]:
        """Places and expected times of waiting jobs, each given as its cluster and id."""
        found: dict[str, Outlook] = {}
        for cluster, job_ids in _by_cluster(waiting).items():
            view = self.view_with(session, cluster, job_ids)
            found |= {job_id: view.outlook(job_id) for job_id in job_ids}
        return found

    def outlook_of_new(self, session: Session, job: Job) -> Outlook:
        """The place of a job that was just made; it counts for those that come after it. Its forecast comes later."""
        view = self._view(session, job.cluster, self._holds_seconds, _REST)
        return Outlook(view.place(job.id) or self._placed(view, job), None, view.readings.read_at)

    def _placed(self, view: QueueView, job: Job) -> int:
        held = job.status is JobStatus.HELD
        return view.place_of_another(as_waiting_job(job)) if held else view.add(as_waiting_job(job))

    def _with_others(self, session: Session, view: QueueView) -> QueueView:
        """The view, with the queues of the clusters that share limits; no look waits for another one meanwhile."""
        if view.lacks_others:
            others = [self._view(session, name, self._holds_seconds, _REST) for name in view.readings.others]
            view.play_beside(others)
        return view

    def _view(self, session: Session, cluster: str, holds_seconds: float, rest: float) -> QueueView:
        with self._locks[cluster]:
            known = self._known.get(cluster)
            began = self._monotonic()
            if known is not None and began - known.looked_at < max(holds_seconds, rest * known.cost_seconds):
                return known.view
            view = QueueView(read_queue(session, cluster, self._now(), self._sizes), self._weights, self._monotonic)
            self._known[cluster] = _Known(view, began, self._monotonic() - began)
            return view


def _by_cluster(waiting: Iterable[tuple[str, str]]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for cluster, job_id in waiting:
        found[cluster].append(job_id)
    return found
