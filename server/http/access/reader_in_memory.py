"""User of a request's token or session, from the feed's memory alone: for answers made before routes are matched."""

import hashlib
from collections.abc import Mapping
from typing import cast

from starlette.datastructures import State
from starlette.types import Scope

from server.feed.cache import Feed
from server.http.access.session_cookie import session_text
from server.http.bounds.admission import Admission
from server.http.bounds.rate_headers import tell_level
from tuning.errors import PacktrainError
from tuning.people.sessions import SESSION_PREFIX
from tuning.people.tokens import Principal

_BEARER = b"Bearer "
_SESSION = SESSION_PREFIX.encode()


def reader_in_memory(state: State, scope: Scope, headers: Mapping[bytes, bytes]) -> Principal | None:
    """Principal of a request's token or session. `state` is the app's.

    None where that has to be asked for, or is to be refused: the ordinary way does both.
    """
    text = _credential(scope, headers)
    if text is None or (text.startswith(_SESSION) and state.settings.proxy_user_header is not None):
        return None
    try:
        return cast(Feed, state.feed).principal_in_memory(hashlib.sha256(text).hexdigest())
    except PacktrainError:
        return None


def count_request(state: State, scope: Scope, reader: Principal) -> bool:
    """Count a request of a reader; False where they ask too often."""
    try:
        cast(Admission, state.admission).count(reader.user_id)
    except PacktrainError:
        return False
    tell_level(scope, reader.user_id)
    return True


def _credential(scope: Scope, headers: Mapping[bytes, bytes]) -> bytes | None:
    """Text of the token, or of the cookie's session where no header is sent; None for all that is to be looked at."""
    authorization = headers.get(b"authorization")
    if authorization is None:
        cookie = session_text(scope)
        return cookie.encode() if cookie is not None else None
    text = authorization.removeprefix(_BEARER)
    return None if text == authorization or text.startswith(_SESSION) else text
