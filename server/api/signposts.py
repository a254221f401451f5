"""Routes that say where things are: the front door and the version. Without a token."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from server.dependencies import API

router = APIRouter(tags=["health"])


class Version(BaseModel):
    """The version of the server, and of its API."""

    name: Literal["packtrain"] = Field(default="packtrain", description="What answers here.")
    version: str = Field(description="Of the server.")
    api: Literal["v1"] = Field(
        default="v1", description="Of the API: within it fields are added, and none is taken away."
    )


class Signposts(Version):
    """Paths on this server, by what is there."""

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
    """Name, version and paths of this server."""
    return Signposts(version=request.app.version, links=LINKS)


@router.get("/version", name="show_version")
async def show_version(request: Request) -> Version:
    """The version of the server."""
    return Version(version=request.app.version)
