"""Route of sign-out: the browser's session ends, and at the provider by which it was begun too."""

import logging
from contextlib import suppress
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from server.dashboard.access import SIGN_IN
from server.dashboard.page import render
from server.dashboard.routes import PageRoute
from server.dashboard.sign_in.form import provider_of
from server.dependencies import NowDep, SessionsDep, in_transaction
from server.http.access.session_cookie import drop_session_cookie, is_csrf_of, is_same_origin, session_text
from server.http.access.token_gate import address_of, admitted
from tuning.errors import NotAllowed, NotAuthenticated, NotFound, Unavailable
from tuning.people.audit import Actor
from tuning.people.models import SignInWay
from tuning.people.sessions import end_session

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_log = logging.getLogger(__name__)


@router.post("/sign-out")
async def sign_out(request: Request, sessions: SessionsDep, now: NowDep, csrf: Annotated[str, Form()] = "") -> Response:
    """End the browser's session, and let it forget the cookie. Raises NotAllowed for a form of another page."""
    text, way = session_text(request.scope), None
    if text is not None:
        if not is_same_origin(request.scope) or not is_csrf_of(text, csrf):
            raise NotAllowed(
                "only packtrain's own page signs a browser out", hint="load the page again, and use its own button"
            )
        with suppress(NotAuthenticated, NotFound):  # it has ended already
            principal = await admitted(request.app.state, request, text)
            actor = Actor(principal.name, principal.token_id, address_of(request))
            end = partial(end_session, by=principal, actor=actor, session_id=principal.token_id, now=now)
            way = await run_in_threadpool(in_transaction, sessions, end)
    further = await _end_at_provider(request) if way is SignInWay.OIDC else None
    answer = further or RedirectResponse(SIGN_IN, 303)
    drop_session_cookie(answer, request.scope)
    return answer


async def _end_at_provider(request: Request) -> Response | None:
    """A page that leads on to the provider, where it ends sessions.

    No redirect: a browser that holds `form-action` lets a form lead to no other origin.
    """
    provider = provider_of(request)
    if provider is None:
        return None
    try:
        address = await run_in_threadpool(provider.end_address, f"{request.url.scheme}://{request.url.netloc}{SIGN_IN}")
    except Unavailable as error:
        _log.warning("the provider's session was not ended: %s", error, extra={"action": "sign_out"})
        return None
    return render(request, "signed_out.html", address=address, provider=provider.name) if address else None
