"""Routers of OpenAI's API, as the app takes them in."""

from collections.abc import Sequence

from fastapi import APIRouter

from server.openai import models
from server.openai.chat import routes as chat
from server.openai.files import collection as files
from server.openai.files import upload
from server.openai.fine_tuning import following, jobs, permissions
from server.openai.uploads import parts, uploads
from server.openai.webhooks import endpoints, trial

SESSIONLESS: Sequence[APIRouter] = (upload.router, parts.router, trial.router, chat.router)
"""They hold no session, and ask for the user themselves. Matched first."""
ROUTERS: Sequence[APIRouter] = (
    files.router,
    uploads.router,
    models.router,
    jobs.router,
    following.router,
    permissions.router,
    endpoints.router,
)
"""The others: one session and one transaction a request."""
