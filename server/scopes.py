"""Table of the scope that each route needs: requests are judged by it, and the OpenAPI document tells it."""

import re
from collections.abc import Iterable

from tuning.errors import NotAllowed
from tuning.people.roles import Role
from tuning.people.scopes import Scope
from tuning.people.tokens import Principal

_LOOKING = frozenset({"GET", "HEAD"})
_FOR_ADMINISTRATORS = ("/quotas", "/audit")
"""Below the API's base path, like the next. What is added there is closed from its first day."""
_CHANGED_BY_ADMINISTRATORS = ("/users", "/teams", "/limits")
"""Everybody looks there."""
_CHANGED_BY_OTHERS_TOO = re.compile(
    r"PATCH /users/[^/]+|(PUT|DELETE) /teams/[^/]+/members/[^/]+|PUT /limits|DELETE /limits/[^/]+"
)
"""By users what is their own, by leads what is their team's: who that is, the routes say."""
_ENDED_BY_READERS_TOO = re.compile(r"DELETE /sessions/[^/]+")
"""Viewers sign in as well, and may lose a laptop."""


def needed_scope(method: str, path: str) -> Scope:
    """The scope for a method on a path below the API's base path; nothing that a route could forget to say."""
    if _lies_in(path, _FOR_ADMINISTRATORS):
        return Scope.ADMIN
    if method in _LOOKING or _ENDED_BY_READERS_TOO.fullmatch(f"{method} {path}"):
        return Scope.READ
    is_open = _CHANGED_BY_OTHERS_TOO.fullmatch(f"{method} {path}") is not None
    return Scope.ADMIN if _lies_in(path, _CHANGED_BY_ADMINISTRATORS) and not is_open else Scope.SUBMIT


def require_scope(principal: Principal, method: str, path: str) -> None:
    """Raises NotAllowed where the token may not do this."""
    scope = needed_scope(method, path)
    if principal.scope.includes(scope):
        return
    if principal.role is Role.VIEWER:
        raise NotAllowed("viewers look, and change nothing", hint="an administrator can make you a member")
    hint = f"send a token with the scope {scope}; GET /api/v1/me shows what this one has"
    raise NotAllowed(f"this needs a token with the scope {scope}, and yours has {principal.scope}", hint=hint)


def _lies_in(path: str, areas: Iterable[str]) -> bool:
    return any(path == area or path.startswith(f"{area}/") for area in areas)
