"""Routes that say where things are: the front door, the version, the API's document for people. Without a token."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse

from server.dependencies import API
from server.document.page import CONTENT_POLICY, document_page

router = APIRouter(tags=["health"])


class Version(BaseModel):
    """The version of the server, and of its API."""

    name: Literal["packtrain"] = Field(default="packtrain", description="What answers here.")
    version: str = Field(description="Of the server.")
    api: Literal["v1"] = Field(
        default="v1", description="Of the API: within it fields are added, and none is taken away."
    )


class Signposts(Version):
    """Where things are on this server."""

    links: dict[str, str] = Field(description="Paths on this server, by what is there.")


LINKS = {
    "docs": "/docs",
    "openapi": "/openapi.json",
    "api": API,
    "version": "/version",
    "health": "/healthz",
    "readiness": "/readyz",
    "metrics": "/metrics",
}


@router.get("/", include_in_schema=False)
async def front_door(request: Request) -> Signposts:
    """Where things are."""
    return Signposts(version=request.app.version, links=LINKS)


@router.get("/version", name="show_version")
async def show_version(request: Request) -> Version:
    """The version of the server."""
    return Version(version=request.app.version)


@router.get("/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """The API's document as a page without a script: this origin holds tokens."""
    headers = {"Content-Security-Policy": CONTENT_POLICY, "X-Content-Type-Options": "nosniff"}
    return HTMLResponse(document_page(request.app.openapi()), headers=headers)
