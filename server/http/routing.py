"""Answers that depend on the routes: which methods a path allows, and the model of a request's body."""

from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.routing import Match

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


def _matches(route: Any, request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    match, _ = route.matches(scope)
    return bool(match is Match.FULL)
