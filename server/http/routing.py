"""Answers that depend on the routes: which methods a path allows, and the model of a request's body."""

from typing import Any

from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.routing import Match
from starlette.types import Scope

METHOD_NOT_ALLOWED = 405
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def allowed_methods(request: Request) -> str:
    """The Allow header of a path: those of all of its routes, of which the router itself knows only the first."""
    routes = request.app.routes
    return ", ".join(method for method in _METHODS if any(_matches(route, request, method) for route in routes))


def body_model(request: Request) -> type[BaseModel] | None:
    """The model of the body that the matched route takes, where it takes one."""
    field = getattr(request.scope.get("route"), "body_field", None)
    model: Any = getattr(getattr(field, "field_info", None), "annotation", None)
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def has_body(scope: Scope) -> bool:
    """Whether a body comes with a request."""
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def is_of_another_kind(request: Request) -> bool:
    """Whether a body that should be JSON is said to be something else, or not said to be anything."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return not (media_type == "application/json" or media_type.endswith("+json"))


def _matches(route: Any, request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    match, _ = route.matches(scope)
    return bool(match is Match.FULL)
