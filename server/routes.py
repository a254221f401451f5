"""Routes of the API, of OpenAI's API and of the pages, in the order in which they are matched."""

from functools import cache

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from server.api import clusters as clusters_api
from server.api import health, limits, me, queue, recipes, secrets, signposts, simulation, tokens, usage, webhooks
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
from server.api.models import aliases as model_aliases
from server.api.models import collection as models
from server.api.models import serving
from server.api.people import audit, teams, users
from server.api.people import sessions as browser_sessions
from server.api.uploads import collection as uploads
from server.api.uploads import parts as upload_parts
from server.dashboard import assets, missing_page
from server.dashboard.api_docs import page as api_page
from server.dashboard.chat import page as chat_page
from server.dashboard.clusters import page as clusters_page
from server.dashboard.compare import page as compare_page
from server.dashboard.data import listing as data_listing
from server.dashboard.data import page as data_page
from server.dashboard.job import page as job_page
from server.dashboard.new_job import arguments as new_job_arguments
from server.dashboard.new_job import page as new_job_page
from server.dashboard.people import page as people_page
from server.dashboard.queue import page as queue_page
from server.dashboard.sign_in.ways import SIGN_IN_ROUTERS
from server.dependencies import API, current_user
from server.http.errors.openai_errors import OPENAI_API
from server.openai import routers as openai_routers

FOLLOWING = (
    progress.router,
    metrics.router,
    events.router,
    logs.router,
    artifacts.router,
    validation.router,
    preview.router,
    simulation.router,
)
"""They hold no session and check the token in the feed's memory. Asked most, so matched first."""
ROUTERS = (
    jobs.router,
    actions.router,
    texts.router,
    checkpoints.router,
    queue.router,
    datasets.router,
    uploads.router,
    clusters_api.router,
    model_aliases.router,  # before /models/{name}, which takes any name
    serving.router,  # likewise
    models.router,
    limits.router,
    usage.router,
    me.router,
    users.router,
    teams.router,
    audit.router,
    tokens.router,
    browser_sessions.router,
    secrets.router,
    webhooks.router,
    recipes.router,
)

RENEWALS = (
    queue_page.renewal,
    job_page.renewal,
    clusters_page.renewal,
)
"""Content of open pages, which their scripts ask for. Matched before the pages."""
PAGES = (
    queue_page.router,
    new_job_arguments.router,
    new_job_page.router,
    job_page.router,  # behind /jobs/new
    data_listing.router,
    data_page.router,
    *SIGN_IN_ROUTERS,
    compare_page.router,
    chat_page.router,
    api_page.router,
    clusters_page.router,
    people_page.router,
)
"""HTML for people. Matched before the rest, and only by those who ask for HTML."""


@cache
def all_routes() -> tuple[BaseRoute, ...]:
    """All routes, made once: FastAPI looks at every parameter of theirs, which takes longer than many requests."""
    root = APIRouter(generate_unique_id_function=_operation_id)
    for router in (*RENEWALS, *PAGES):
        root.include_router(router)
    root.include_router(assets.router)
    root.include_router(health.router)
    root.include_router(signposts.router)
    for router in FOLLOWING:
        root.include_router(router, prefix=API)
    for router in (upload.router, upload_parts.router):
        root.include_router(router, prefix=API)  # they ask for the token themselves, before the bytes
    for router in ROUTERS:
        root.include_router(router, prefix=API, dependencies=[Depends(current_user)])
    _include_openai(root)
    root.include_router(missing_page.router)
    return tuple(root.routes)


def _include_openai(root: APIRouter) -> None:
    """OpenAI's own document tells what these take; ours leaves them out."""
    for router in openai_routers.SESSIONLESS:
        root.include_router(router, prefix=OPENAI_API, include_in_schema=False)
    for router in openai_routers.ROUTERS:
        root.include_router(router, prefix=OPENAI_API, include_in_schema=False, dependencies=[Depends(current_user)])


def _operation_id(route: APIRoute) -> str:
    """Names of functions are names of operations: what clients that are made from the document call them by."""
    return route.name
