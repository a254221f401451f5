"""Routes of sign-in by an OIDC provider: the way there, and back with a code."""

import logging
from datetime import datetime
from typing import Annotated, cast

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from server.dashboard.access import HOME, SIGN_IN, local_path
from server.dashboard.routes import PageRoute
from server.dashboard.sign_in.form import provider_of, sign_in_page
from server.dashboard.sign_in.new_session import signed_in
from server.dashboard.sign_in.provider.claims import identity_of
from server.dashboard.sign_in.provider.client import OidcProvider
from server.dashboard.sign_in.provider.pending import Pending, Seal, drop_pending
from server.dependencies import NowDep, visible_to_members
from server.http.access.token_gate import address_of
from server.http.bounds.admission import Admission
from tuning.errors import NotAllowed, NotAuthenticated, NotFound, PacktrainError
from tuning.people.identities import IdentityRules, principal_of_user, user_of_identity
from tuning.people.models import SignInWay
from tuning.people.tokens import Principal, token_sha256

router = APIRouter(prefix=f"{SIGN_IN}/oidc", route_class=PageRoute, include_in_schema=False)
_log = logging.getLogger(__name__)
Text = Annotated[str, Query(max_length=4_000)]


@router.get("")
async def begin(request: Request, now: NowDep, onward: Annotated[str, Query(alias="next")] = HOME) -> Response:
    """Lead the browser to the provider. Raises NotFound where there is none."""
    provider, pending = _provider(request), Pending.begun(local_path(onward))
    try:
        address = await run_in_threadpool(provider.address, pending, _callback_address(request))
    except PacktrainError as error:
        return _refused(request, pending.onward, error)
    answer = RedirectResponse(address, 303)
    _seal(request).keep(answer, request.scope, pending, now)
    return answer


@router.get("/callback")
async def come_back(
    request: Request, now: NowDep, code: Text = "", state: Text = "", error: Text = "", iss: Text = ""
) -> Response:
    """Begin a session for whoever the provider sent back. Raises NotFound where there is none."""
    provider = _provider(request)
    onward = HOME
    try:
        pending = _seal(request).pending(request.scope, state, now)
        onward = pending.onward
        _refuse_mistaken(provider, code, error, iss)
        answer: Response = await _signed_in(request, provider, pending, code, now)
    except PacktrainError as problem:
        answer = _refused(request, onward, problem)
    drop_pending(answer, request.scope)
    return answer


async def _signed_in(request: Request, provider: OidcProvider, pending: Pending, code: str, now: datetime) -> Response:
    admission, settings = cast(Admission, request.app.state.admission), request.app.state.settings
    code_sha256, address = token_sha256(code), address_of(request)
    admission.admit(code_sha256, address)
    try:
        claims = await run_in_threadpool(provider.claims, code, pending, _callback_address(request), now)
    except NotAuthenticated:
        admission.refused(code_sha256, address)
        raise
    identity = identity_of(claims, settings)
    rules = IdentityRules(settings.oidc_new_users, settings.oidc_link_existing, request.app.state.group_grants)

    def who(session: Session) -> Principal:
        user = user_of_identity(session, identity, rules, now, address)
        return principal_of_user(session, user, visible_to_members(settings))

    return await signed_in(request, who, SignInWay.OIDC, now, pending.onward)


def _refuse_mistaken(provider: OidcProvider, code: str, error: str, iss: str) -> None:
    """Raises NotAllowed for what the provider itself refuses, NotAuthenticated for an answer of another provider."""
    if iss and iss != provider.issuer:
        raise NotAuthenticated("another provider answers than was asked", hint="begin again")
    if error:
        word = error if error.isprintable() else ""
        raise NotAllowed(f"{provider.name} did not sign you in: {word[:100]}", hint="begin again, or use a token")
    if not code:
        raise NotAuthenticated("the provider sent no code", hint="begin again")


def _refused(request: Request, onward: str, error: PacktrainError) -> Response:
    notes = "; ".join(getattr(error, "__notes__", ()))
    told = {"action": "sign_in", "address": address_of(request), "reason": notes}
    _log.warning("nobody was signed in by the provider: %s", error, extra=told)
    return sign_in_page(request, onward, error)


def _provider(request: Request) -> OidcProvider:
    provider = provider_of(request)
    if provider is None:
        raise NotFound("this packtrain has no sign-in but by token", hint=f"open {SIGN_IN}")
    return provider


def _seal(request: Request) -> Seal:
    return cast(Seal, request.app.state.oidc_seal)


def _callback_address(request: Request) -> str:
    """As the browser knows this server: a proxy passes on Host and X-Forwarded-Proto."""
    return f"{request.url.scheme}://{request.url.netloc}{SIGN_IN}/oidc/callback"
