"""Route of the API's page: for everybody, signed in or not; who is signed in can send its examples."""

from functools import lru_cache
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import HTMLResponse

from server.dashboard.access import OptionalReader
from server.dashboard.api_docs.operations import groups_of, schemas_of
from server.dashboard.page import render

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def show_api(request: Request, _reader: OptionalReader) -> HTMLResponse:
    """Operations and schemas of the server's own document."""
    return render(request, "api_docs/page.html", **_shown(request.app))


@lru_cache(maxsize=1)
def _shown(app: FastAPI) -> dict[str, Any]:
    document = app.openapi()
    return {"title": document["info"]["title"], "groups": groups_of(document), "schemas": schemas_of(document)}
