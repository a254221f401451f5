"""Table of the scope that each route needs: requests are judged by it, and the OpenAPI document tells it."""

from tuning.errors import NotAllowed
from tuning.people.scopes import Scope
from tuning.people.tokens import Principal

_LOOKING = frozenset({"GET", "HEAD"})
_FOR_ADMINISTRATORS = ("/users", "/teams", "/quotas", "/audit")
"""Below the API's base path. What is added there is closed from its first day."""


def needed_scope(method: str, path: str) -> Scope:
    """The scope for a method on a path below the API's base path; nothing that a route could forget to say."""
    if method not in _LOOKING and path.startswith("/models/"):
        return Scope.ADMIN
    if any(path == area or path.startswith(f"{area}/") for area in _FOR_ADMINISTRATORS):
        return Scope.ADMIN
    return Scope.READ if method in _LOOKING else Scope.SUBMIT


def require_scope(principal: Principal, method: str, path: str) -> None:
    """Raises NotAllowed where the token may not do this."""
    scope = needed_scope(method, path)
    if not principal.scope.includes(scope):
        hint = f"send a token with the scope {scope}; GET /api/v1/me shows what this one has"
        raise NotAllowed(f"this needs a token with the scope {scope}, and yours has {principal.scope}", hint=hint)
