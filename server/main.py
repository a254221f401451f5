"""The app: everything is put together here."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from fastapi import FastAPI
from sqlalchemy import Engine

from server.clusters.files import ClusterFiles
from server.clusters.model_servers import AnswerLimits, ModelServers
from server.clusters.slurm_trial import SlurmTrials
from server.clusters.transfer_budget import TransferLimits
from server.clusters.transfer_response import ReaderPace
from server.clusters.views import ClusterViews
from server.clusters.worker_watch import WorkerWatch
from server.dashboard.fragments import SharedFragments
from server.dashboard.page import Pages
from server.dashboard.queue.fast_path import RenewedQueue
from server.dashboard.sign_in.ways import offer_sign_in
from server.dependencies import API, visible_to_members
from server.feed.cache import Feed
from server.feed.fast_path import PolledProgress
from server.feed.queue.board import QueueBoard
from server.file_checks import FileChecks
from server.http.access.token_gate import TokenGate
from server.http.bounds.admission import Admission
from server.http.bounds.body_limit import MOST_VALUES, BodyBounds, BodyLimit, BodyRoom
from server.http.bounds.rate_headers import RateHeaders
from server.http.bounds.shares import Places
from server.http.compression import Compression
from server.http.errors.error_handlers import add_error_handlers
from server.http.errors.openai_errors import OPENAI_API
from server.http.json_values import ValuesOutsideTexts
from server.http.latency import Latency, RequestSeconds
from server.http.request_ids import RequestIds
from server.openai.chat.counting import AnswerCounts
from server.openapi import describe
from server.recorded_settings import record_settings
from server.routes import all_routes
from tuning.datasets import bounded_check
from tuning.datasets.bounded_check import CheckBounds
from tuning.datasets.check.processes import warm_up
from tuning.db.engine import open_engine, open_sessions
from tuning.secrets.cipher import Cipher
from tuning.settings import ClusterSettings, Settings
from tuning.sign_in_settings import GroupGrants
from tuning.usage.weights import weights_of

VERSION = "0.1.0"
MAX_BODY_BYTES = 1024 * 1024
"""Of everything but uploads and questions to models: the largest config_yaml with room for its escapes."""
LARGE_QUESTIONS = 16
"""So many of the largest questions to models are held at once."""
FORM_BYTES = 1024 * 1024
"""Of an upload, beside its file."""
UPLOADS = re.compile(
    rf"{API}/datasets|{API}/uploads/[^/]+/parts/[^/]+|{OPENAI_API}/files|{OPENAI_API}/uploads/[^/]+/parts"
)
"""Paths whose bodies are files."""
QUESTIONS = re.compile(rf"{OPENAI_API}/(chat/)?completions")
"""Paths whose bodies are questions to models: long prompts, and images as data URLs."""


def create_app(
    settings: Settings,
    clusters: Mapping[str, ClusterSettings],
    *,
    clock: Callable[[], datetime] | None = None,
    grants: GroupGrants | None = None,
) -> FastAPI:
    """The server on the settings' database.

    `clock` tells the time (aware UTC), by default the real one; `grants` what a site's groups give, by default nothing.
    """
    engine = open_engine(settings.database_url)
    app = _empty_app(engine)
    _know(app, engine, settings, clusters, clock or _utc_now)
    _share_out(app, settings, clusters)
    offer_sign_in(app.state, settings, grants or {})
    _add_layers(app, settings)
    app.router.routes.extend(all_routes())
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
        app.state.model_servers.close()
        engine.dispose()

    # FastAPI's own page of documentation loads its scripts from elsewhere, and this origin holds tokens: see signposts.
    return FastAPI(
        title="packtrain",
        version=VERSION,
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
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
    app.state.pages, app.state.fragments = Pages(), SharedFragments()
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
    app.state.answer_counts = AnswerCounts(app.state.sessions, clock, time.monotonic)
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
    app.state.model_servers = ModelServers(clusters, limits=AnswerLimits(per_person=settings.answers_per_person))
    app.state.following = Places("streams and waiting polls", per_person=settings.streams_per_person)
    bounds = CheckBounds(memory_bytes=settings.check_memory_bytes, seconds=settings.check_seconds)
    app.state.file_checks = FileChecks(bounds, settings.checks_at_once)
    app.state.uploading = Places("uploads", per_person=settings.uploads_per_person)
    app.state.simulating = Places("simulations", per_person=1, in_all=1)
    trying = Places("questions to Slurm", per_person=settings.trials_per_person)
    app.state.trials = SlurmTrials(app.state.sessions, trying, settings.slurm_wait_seconds)


def _add_layers(app: FastAPI, settings: Settings) -> None:
    """The layers around the routes, from the innermost to the outermost."""
    most_bytes = settings.question_bytes
    room = app.state.question_room = BodyRoom(LARGE_QUESTIONS * most_bytes, free_bytes=MAX_BODY_BYTES)
    questions = replace(_bounds(settings), max_bytes=most_bytes, counted=ValuesOutsideTexts, room=room)
    others = {UPLOADS: _upload_bounds(settings), QUESTIONS: questions}
    app.add_middleware(BodyLimit, bounds=_bounds(settings), others=others)
    app.add_middleware(TokenGate, state=app.state, below=(f"{API}/", f"{OPENAI_API}/"))
    app.add_middleware(Compression)
    app.add_middleware(RenewedQueue, state=app.state)
    app.add_middleware(PolledProgress, state=app.state)
    app.add_middleware(RateHeaders, state=app.state)
    app.add_middleware(Latency, state=app.state)
    app.add_middleware(RequestIds)
    add_error_handlers(app)


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


def _utc_now() -> datetime:
    return datetime.now(UTC)
