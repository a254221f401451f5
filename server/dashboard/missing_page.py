"""Route of every address at which there is no page: after all others, and for readers of HTML alone."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from server.dashboard.access import OptionalReader
from server.dashboard.page import render
from server.dashboard.routes import PageRoute

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/{path:path}")
def tell_of_missing_page(request: Request, path: str, _reader: OptionalReader) -> HTMLResponse:
    """The address, and the way back to the queue."""
    sentence = f"there is no page /{path[:100]}"
    return render(request, "problem.html", 404, sentence=sentence, hint=None)
