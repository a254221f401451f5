"""Answer to a sign-in: a session is begun, its cookie set, and the browser goes on to where it wanted to."""

from collections.abc import Callable
from datetime import datetime

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from server.dashboard.access import local_path
from server.dependencies import in_transaction
from server.http.access.session_cookie import set_session_cookie
from server.http.access.token_gate import address_of
from tuning.people.models import SignInWay
from tuning.people.sessions import BegunSession, SignIn, begin_session
from tuning.people.tokens import Principal


async def signed_in(
    request: Request, who: Callable[[Session], Principal], way: SignInWay, now: datetime, onward: str
) -> RedirectResponse:
    """The way on, with the cookie of a new session of `who`, in one transaction with what that one does.

    Raises what `who` raises, and NotAuthenticated where a token ended meanwhile.
    """
    state = request.app.state
    sign_in = SignIn(way, address_of(request), request.headers.get("user-agent", ""))

    def begin(session: Session) -> BegunSession:
        return begin_session(session, who(session), sign_in, now, state.settings.session_seconds)

    begun = await run_in_threadpool(in_transaction, state.sessions, begin)
    answer = RedirectResponse(local_path(onward), 303)
    set_session_cookie(answer, request.scope, begun.text, begun.ends_at)
    return answer
