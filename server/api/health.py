"""Routes of health and metrics of the server itself: the only ones without a token."""

import logging
from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session, sessionmaker

from server.dependencies import (
    ClustersDep,
    FeedDep,
    NowDep,
    RequestSecondsDep,
    SessionDep,
    SessionsDep,
    SettingsDep,
    WorkersDep,
)
from server.http.errors.problems import ProblemCode, problem, responses
from server.service_metrics import ServiceMetrics, found_in
from tuning.db.database_errors import DATABASE_TROUBLE, complaint
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
def metrics(
    session: SessionDep,
    clusters: ClustersDep,
    workers: WorkersDep,
    settings: SettingsDep,
    request_seconds: RequestSecondsDep,
    now: NowDep,
) -> Response:
    """Counts for Prometheus: numbers only, nothing of what users wrote."""
    registry = CollectorRegistry()
    registry.register(ServiceMetrics(found_in(session, list(clusters), now), workers, settings.data_dir))
    registry.register(request_seconds.histogram)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_1_0_0)
