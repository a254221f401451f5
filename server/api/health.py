"""Routes of health and metrics of the server itself: the only ones without a token."""

import logging
from collections.abc import Iterator, Sequence
from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0
from prometheus_client.registry import Collector
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session, sessionmaker

from server.dependencies import ClustersDep, FeedDep, SessionDep, SessionsDep, WorkersDep
from server.http.problems import ProblemCode, problem, responses
from server.worker_watch import WorkerWatch
from tuning.clusters.models import ClusterRow
from tuning.clusters.repository import cluster_rows, worker_sign
from tuning.db.database_errors import DATABASE_TROUBLE, complaint
from tuning.jobs.queries.requests import counts
from tuning.jobs.troubles import counts as trouble_counts
from tuning.migrate import is_current, require_writable

router = APIRouter(tags=["health"])
_log = logging.getLogger(__name__)
_SEE_LOG, _LATER = "see the server's log", {"Retry-After": "10"}


class Health(BaseModel):
    """All is well; otherwise the answer is a problem."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """The server takes requests; `degraded` while what it takes in waits for a worker."""

    status: Literal["ok", "degraded"] = "ok"
    clusters: dict[str, str] | None = Field(
        default=None, description="The clusters that no worker drives, and since when; left out where there are none."
    )


@router.get("/healthz")
async def healthz() -> Health:
    """The process answers."""
    return Health()


@router.get("/readyz", responses=responses(503), response_model=Readiness, response_model_exclude_none=True)
def readyz(sessions: SessionsDep, feed: FeedDep, workers: WorkersDep) -> Readiness | Response:
    """The database answers, takes writes, has this version's schema, and what is polled is kept up to date from it.

    Without a worker the server is ready nevertheless (jobs are taken, and wait), and says so: `degraded`.
    """
    if (trouble := _database_trouble(sessions)) is not None:
        return trouble
    if not feed.is_fresh:
        return problem(503, "the feed has not heard from the database for a while", hint=_SEE_LOG, headers=_LATER)
    absent = {name: absence.sentence("this cluster") for name, absence in workers.absences().items()}
    return Readiness(status="degraded", clusters=absent) if absent else Readiness()


def _database_trouble(sessions: sessionmaker[Session]) -> Response | None:
    said = "the database does not answer"
    try:
        with sessions() as session:
            if not is_current(session.connection()):
                return problem(503, "the database has another schema than this version", hint="run `packtrain migrate`")
            said = "the database takes no writes"
            require_writable(session.connection())
    except DATABASE_TROUBLE as error:
        _log.warning("not ready: %s", complaint(error), extra={"action": "not_ready"})
        return problem(503, said, code=ProblemCode.DATABASE_UNAVAILABLE, hint=_SEE_LOG, headers=_LATER)
    return None


_METRICS = {200: {"content": {"text/plain": {}}}, **responses(503)}


@router.get("/metrics", response_class=Response, responses=_METRICS)
def metrics(session: SessionDep, clusters: ClustersDep, workers: WorkersDep) -> Response:
    """Counts for Prometheus: numbers only, nothing of what users wrote."""
    registry = CollectorRegistry()
    rows = list(cluster_rows(session, list(clusters)).values())
    for row in rows:
        workers.see(worker_sign(row))
    registry.register(_Counts(counts(session), rows, trouble_counts(session), workers))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_1_0_0)


class _Counts(Collector):
    """Metrics that the database holds at this moment."""

    def __init__(
        self,
        jobs: Sequence[tuple[str, str, int]],
        rows: Sequence[ClusterRow],
        troubles: Sequence[tuple[str, str, int]],
        workers: WorkerWatch,
    ) -> None:
        self._jobs = jobs
        self._rows = rows
        self._troubles = troubles
        self._workers = workers

    def collect(self) -> Iterator[Metric]:
        yield from self._jobs_counted()
        yield from self._workers_seen()
        yield from self._remote_use()
        yield from self._poison_jobs()

    def _jobs_counted(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("packtrain_jobs", "Jobs by cluster and status.", labels=["cluster", "status"])
        for cluster, status, count in self._jobs:
            jobs.add_metric([cluster, status], count)
        yield jobs

    def _workers_seen(self) -> Iterator[Metric]:
        told = "1 = it answered last, and a worker drives it."
        reachable = GaugeMetricFamily("packtrain_cluster_reachable", told, labels=["cluster"])
        told = "Age of the last cycle in which the cluster answered."
        age = GaugeMetricFamily("packtrain_worker_cycle_age_seconds", told, labels=["cluster"])
        for row in self._rows:
            is_driven = self._workers.absence(row.name) is None
            reachable.add_metric([row.name], float(is_driven and row.unreachable_since is None))
            age_seconds = self._workers.cycle_age_seconds(row.name)
            if age_seconds is not None:
                age.add_metric([row.name], age_seconds)
        yield from (reachable, age)

    def _remote_use(self) -> Iterator[Metric]:
        remote = CounterMetricFamily("packtrain_remote", "What the worker did over SSH.", labels=["cluster", "what"])
        minute = GaugeMetricFamily("packtrain_remote_minute", "Begun in the last minute.", labels=["cluster", "what"])
        for row in self._rows:
            used = row.commands or {}
            for what in ("connections", "commands", "transfers"):
                remote.add_metric([row.name, what], used.get(what, 0))
            for what in ("connections", "commands"):
                minute.add_metric([row.name, what], used.get(f"{what}_last_minute", 0))
        yield from (remote, minute)

    def _poison_jobs(self) -> Iterator[Metric]:
        poison = GaugeMetricFamily(
            "packtrain_poison_jobs",
            "Jobs at which a step failed, and is tried again later.",
            labels=["cluster", "step"],
        )
        for cluster, step, count in self._troubles:
            poison.add_metric([cluster, step], count)
        yield poison
