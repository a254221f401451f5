"""Routes of sign-in with a token."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from server.dashboard.access import HOME, SIGN_IN, SignInFirst, local_path, page_reader
from server.dashboard.routes import PageRoute
from server.dashboard.sign_in.form import sign_in_page
from server.dashboard.sign_in.new_session import signed_in
from server.dashboard.sign_in.proxy import signed_in_by_proxy
from server.dependencies import NowDep
from server.http.access.proxied_user import proxied_user
from server.http.access.session_cookie import is_same_origin
from server.http.access.token_gate import admitted
from tuning.errors import NotAllowed, NotAuthenticated, PacktrainError
from tuning.people.models import SignInWay
from tuning.people.sessions import is_session_text

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_LONGEST_TOKEN = 1_000
_ASK = "ask an administrator for a new one"
_OPEN_PAGE = "load the page again, and use its own button"
Onward = Annotated[str, Query(alias="next", description="The page to go on to.")]
OnwardField = Annotated[str, Form(alias="next")]
TextField = Annotated[str, Form()]


@router.get(SIGN_IN)
async def show_sign_in(request: Request, now: NowDep, onward: Onward = HOME) -> Response:
    """The page of sign-in; whoever is signed in already goes on, and so does whom a proxy names."""
    try:
        await page_reader(request)
        return RedirectResponse(local_path(onward), 303)
    except SignInFirst:
        pass
    try:
        name = proxied_user(request.scope, request.app.state.settings)
        if name is not None:
            return await signed_in_by_proxy(request, name, now, onward)
        return sign_in_page(request, onward)
    except PacktrainError as error:
        return sign_in_page(request, onward, error)


@router.post(SIGN_IN)
async def sign_in(request: Request, now: NowDep, token: TextField = "", onward: OnwardField = HOME) -> Response:
    """Begin a session by a token; a wrong one leads to the page again, with a sentence."""
    try:
        return await _by_token(request, token.strip(), now, onward)
    except PacktrainError as error:
        return sign_in_page(request, onward, error)


async def _by_token(request: Request, text: str, now: datetime, onward: str) -> Response:
    if not is_same_origin(request.scope):
        raise NotAllowed("only packtrain's own page signs a browser in", hint=_OPEN_PAGE)
    if not text or len(text) > _LONGEST_TOKEN or is_session_text(text):
        raise NotAuthenticated("this is no token of packtrain's", hint=_ASK)
    principal = await admitted(request.app.state, request, text)
    return await signed_in(request, lambda _: principal, SignInWay.TOKEN, now, onward)
