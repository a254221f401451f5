"""Sign-in by the word of a proxy in front, at the first page that a browser asks for."""

from contextlib import suppress
from datetime import datetime
from typing import cast

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from server.dashboard.sign_in.new_session import signed_in
from server.dependencies import visible_to_members
from server.http.access.proxied_user import proxied_groups
from server.http.access.session_cookie import session_text
from server.http.access.token_gate import address_of
from tuning.errors import NotAuthenticated, NotFound
from tuning.people.audit import Actor
from tuning.people.groups import GroupGrants
from tuning.people.identities import Identity, IdentityRules, principal_of_user, user_of_identity
from tuning.people.models import SignInWay
from tuning.people.sessions import end_session
from tuning.people.tokens import Principal, authenticate


async def signed_in_by_proxy(request: Request, name: str, now: datetime, onward: str) -> Response:
    """The way on, with a session of the user whom the proxy names; one of somebody else ends.

    Raises NotAllowed for a name that is no user's.
    """
    settings, address = request.app.state.settings, address_of(request)
    identity = Identity(name, groups=proxied_groups(request.scope, settings))
    rules = IdentityRules(settings.proxy_new_users, grants=_grants(request))
    old = session_text(request.scope)

    def who(session: Session) -> Principal:
        if old is not None:
            _end(session, old, now, address)
        user = user_of_identity(session, identity, rules, now, address)
        return principal_of_user(session, user, visible_to_members(settings))

    return await signed_in(request, who, SignInWay.PROXY, now, onward)


def _end(session: Session, text: str, now: datetime, address: str) -> None:
    with suppress(NotAuthenticated, NotFound):  # it has ended already
        principal = authenticate(session, text, now)
        end_session(session, principal, Actor(principal.name, principal.token_id, address), principal.token_id, now)


def _grants(request: Request) -> GroupGrants:
    """Grants of groups; none, and none are taken away, where the proxy tells no groups."""
    has_groups = request.app.state.settings.proxy_groups_header is not None
    return cast(GroupGrants, request.app.state.group_grants) if has_groups else {}
