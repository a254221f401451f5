"""Routes of pages: taken only by readers of HTML, and their errors are pages too."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match
from starlette.types import Scope

from server.dashboard.access import SignInFirst
from server.dashboard.page import is_fragment, render
from server.http.errors.error_handlers import status_of
from tuning.errors import PacktrainError

_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(APIRoute):
    """A route that only readers of HTML match: programs that ask for `/` get the JSON that is there for them."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """No match for what asks for no HTML."""
        if scope["type"] == "http" and "text/html" not in Headers(scope=scope).get("accept", ""):
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> _Handler:
        """The handler, whose errors are shown as a page."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except SignInFirst as first:
                return RedirectResponse(first.address, 303)
            except PacktrainError as error:
                return render(request, "problem.html", status_of(error), sentence=str(error), hint=error.hint)
            except RequestValidationError:
                return render(request, "problem.html", 422, sentence="this address cannot be read", hint=None)

        return handle


class FragmentRoute(PageRoute):
    """A route that only a page's script matches: it asks for the page's content alone."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """No match for what asks for a whole page."""
        if scope["type"] == "http" and not is_fragment(Headers(scope=scope)):
            return Match.NONE, {}
        return super().matches(scope)
