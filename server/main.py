"""The app: everything is put together here."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import Engine

from server.api import clusters as clusters_api
from server.api import health, limits, me, queue, recipes, secrets, signposts, tokens, usage, webhooks
from server.api import models as models_api
from server.api.datasets import collection as datasets
from server.api.datasets import preview, upload
from server.api.jobs import (
    actions,
    artifacts,
    checkpoints,
    events,
    logs,
    metrics,
    progress,
    texts,
    validation,
)
from server.api.jobs import collection as jobs
from server.api.people import audit, teams, users
from server.cluster_files import ClusterFiles
from server.cluster_views import ClusterViews
from server.dependencies import API, current_user, visible_to_members
from server.feed.cache import Feed
from server.feed.fast_path import PolledProgress
from server.feed.queue.board import QueueBoard
from server.file_checks import FileChecks
from server.http.admission import Admission
from server.http.body_limit import MOST_VALUES, BodyBounds, BodyLimit
from server.http.compression import Compression
from server.http.error_handlers import add_error_handlers
from server.http.latency import Latency, RequestSeconds
from server.http.rate_headers import RateHeaders
from server.http.request_ids import RequestIds
from server.http.shares import Places
from server.http.token_gate import TokenGate
from server.openapi import describe
from server.recorded_settings import record_settings
from server.slurm_trial import SlurmTrials
from server.transfer_budget import TransferLimits
from server.transfer_response import ReaderPace
from server.worker_watch import WorkerWatch
from tuning.datasets import bounded_check
from tuning.datasets.bounded_check import CheckBounds
from tuning.datasets.check.processes import warm_up
from tuning.db.engine import open_engine, open_sessions
from tuning.secrets.cipher import Cipher
from tuning.settings import ClusterSettings, Settings
from tuning.usage.weights import weights_of

VERSION = "0.1.0"
MAX_BODY_BYTES = 1024 * 1024
"""Of everything but uploads: the largest config_yaml with room for its escapes."""
FORM_BYTES = 1024 * 1024
"""Of an upload, beside its file."""
UPLOADS = frozenset({f"{API}/datasets"})
FOLLOWING = (
    progress.router,
    metrics.router,
    events.router,
    logs.router,
    artifacts.router,
    validation.router,
    preview.router,
)
"""They hold no session and check the token in the feed's memory. Asked most, so matched first."""
ROUTERS = (
    jobs.router,
    actions.router,
    texts.router,
    checkpoints.router,
    queue.router,
    datasets.router,
    clusters_api.router,
    models_api.router,
    limits.router,
    usage.router,
    me.router,
    users.router,
    teams.router,
    audit.router,
    tokens.router,
    secrets.router,
    webhooks.router,
    recipes.router,
)


def create_app(
    settings: Settings, clusters: Mapping[str, ClusterSettings], *, clock: Callable[[], datetime] | None = None
) -> FastAPI:
    """The server on the settings' database; `clock` tells the time (aware UTC), by default the real one."""
    engine = open_engine(settings.database_url)
    app = _empty_app(engine)
    _know(app, engine, settings, clusters, clock or _utc_now)
    _share_out(app, settings, clusters)
    _add_layers(app, settings)
    _add_routes(app)
    describe(app)
    return app


def _empty_app(engine: Engine) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        warm_up(bounded_check.__name__)
        state = app.state
        await asyncio.to_thread(record_settings, state.sessions, state.settings, state.clock())
        async with app.state.feed.running():
            yield
        app.state.cluster_files.close()
        engine.dispose()

    # FastAPI's own page of documentation loads its scripts from elsewhere, and this origin holds tokens: see signposts.
    return FastAPI(
        title="packtrain",
        version=VERSION,
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        servers=[{"url": "/", "description": "The server that this document is of."}],
    )


def _know(
    app: FastAPI,
    engine: Engine,
    settings: Settings,
    clusters: Mapping[str, ClusterSettings],
    clock: Callable[[], datetime],
) -> None:
    """Put the state that routes ask for (server.dependencies): settings, database, time, the feed's memory."""
    app.state.settings, app.state.clusters, app.state.views = settings, clusters, ClusterViews()
    app.state.sessions, app.state.clock = open_sessions(engine), clock
    app.state.workers = WorkerWatch(clusters, settings.lease_seconds, clock)
    app.state.feed = Feed(
        app.state.sessions,
        interval_seconds=settings.feed_interval_seconds,
        now=clock,
        workers=app.state.workers,
        visible=visible_to_members(settings),
        queues=QueueBoard(clock, weights=weights_of(settings)),
    )
    app.state.request_seconds = RequestSeconds()
    app.state.cipher = Cipher(settings.secrets_key)


def _share_out(app: FastAPI, settings: Settings, clusters: Mapping[str, ClusterSettings]) -> None:
    """Give each person a share of what the server has few of."""
    app.state.admission = Admission(settings.rate_per_second, settings.rate_burst, time.monotonic)
    limits = TransferLimits(in_all=settings.downloads_per_cluster, per_person=settings.downloads_per_person)
    pace = ReaderPace(
        idle_seconds=settings.idle_seconds,
        whole_seconds=settings.transfer_seconds,
        slowest_bytes_per_second=settings.slowest_bytes_per_second,
    )
    app.state.cluster_files = ClusterFiles(clusters, limits=limits, pace=pace)
    app.state.following = Places("streams and waiting polls", per_person=settings.streams_per_person)
    bounds = CheckBounds(memory_bytes=settings.check_memory_bytes, seconds=settings.check_seconds)
    app.state.file_checks = FileChecks(bounds, settings.checks_at_once)
    app.state.uploading = Places("uploads", per_person=settings.uploads_per_person)
    trying = Places("questions to Slurm", per_person=settings.trials_per_person)
    app.state.trials = SlurmTrials(app.state.sessions, trying, settings.slurm_wait_seconds)


def _add_layers(app: FastAPI, settings: Settings) -> None:
    """The layers around the routes, from the innermost to the outermost."""
    app.add_middleware(BodyLimit, bounds=_bounds(settings), uploads=UPLOADS, upload_bounds=_upload_bounds(settings))
    app.add_middleware(TokenGate, state=app.state, below=f"{API}/")
    app.add_middleware(Compression)
    app.add_middleware(PolledProgress, state=app.state)
    app.add_middleware(RateHeaders, state=app.state)
    app.add_middleware(Latency, state=app.state)
    app.add_middleware(RequestIds)
    add_error_handlers(app)


def _add_routes(app: FastAPI) -> None:
    app.include_router(health.router)
    app.include_router(signposts.router)
    for router in FOLLOWING:
        app.include_router(router, prefix=API)
    app.include_router(upload.router, prefix=API)  # it asks for the token itself, before the bytes
    for router in ROUTERS:
        app.include_router(router, prefix=API, dependencies=[Depends(current_user)])


def _bounds(settings: Settings) -> BodyBounds:
    return BodyBounds(
        max_bytes=MAX_BODY_BYTES,
        idle_seconds=settings.idle_seconds,
        whole_seconds=settings.body_seconds,
        max_values=MOST_VALUES,
    )


def _upload_bounds(settings: Settings) -> BodyBounds:
    return BodyBounds(
        max_bytes=settings.max_upload_bytes + FORM_BYTES,
        idle_seconds=settings.idle_seconds,
        whole_seconds=settings.transfer_seconds,
        slowest_bytes_per_second=settings.slowest_bytes_per_second,
    )


def _operation_id(route: APIRoute) -> str:
    """Names of functions are names of operations: what clients that are made from the document call them by."""
    return route.name


def _utc_now() -> datetime:
    return datetime.now(UTC)
