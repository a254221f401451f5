"""Session cookie of browsers, and the defence of requests that carry it against other sites (CSRF)."""

import hashlib
import hmac
from datetime import datetime
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import Scope

from server.http.errors.problems import ProblemCode, problem
from tuning.people.sessions import is_session_text

CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_NAME = "packtrain_session"
_HTTPS_NAME = f"__Host-{_NAME}"
"""By this prefix a browser holds that the cookie is Secure, of this host alone, and not set by a sibling of it."""
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def cookie_name(scope: Scope) -> str:
    """Name of the cookie: over HTTPS, as far as the server knows of it, one that browsers themselves look after."""
    return _HTTPS_NAME if scope["scheme"] == "https" else _NAME


def session_text(scope: Scope) -> str | None:
    """Text of the session that a request carries in its cookie; None where it carries none, or another text."""
    cookies = Headers(scope=scope).get("cookie")
    text = cookie_parser(cookies).get(cookie_name(scope), "") if cookies else ""
    return text if is_session_text(text) else None


def set_session_cookie(response: Response, scope: Scope, text: str, ends_at: datetime) -> None:
    """Let the browser keep a session until it ends; scripts cannot read it, and other sites' forms do not send it."""
    is_secure = scope["scheme"] == "https"
    response.set_cookie(
        cookie_name(scope), text, expires=ends_at, path="/", secure=is_secure, httponly=True, samesite="lax"
    )


def drop_session_cookie(response: Response, scope: Scope) -> None:
    """Let the browser forget its session."""
    is_secure = scope["scheme"] == "https"
    response.delete_cookie(cookie_name(scope), path="/", secure=is_secure, httponly=True, samesite="lax")


def csrf_of(text: str) -> str:
    """Value of the header `X-CSRF-Token` for a session: known to whoever can read a page of this origin."""
    return hmac.new(text.encode(), b"csrf", hashlib.sha256).hexdigest()


def is_csrf_of(text: str, sent: str) -> bool:
    """Whether what was sent is the CSRF value of a session; in constant time."""
    return hmac.compare_digest(csrf_of(text).encode(), sent.encode("utf-8", "surrogatepass"))


def is_same_origin(scope: Scope) -> bool:
    """Whether a browser says that a request comes from a page of this origin; true where it says nothing.

    Of an origin only host and port are compared: a proxy that ends TLS may not tell of it.
    """
    headers = Headers(scope=scope)
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    return origin is None or _host(origin) == _host(f"{scope['scheme']}://{headers.get('host', '')}")


def csrf_refusal(scope: Scope, text: str) -> Response | None:
    """The answer to a request that would change something by a session's cookie, and was not sent by our own page."""
    if scope["method"] in SAFE_METHODS:
        return None
    if not is_same_origin(scope):
        hint = "requests from elsewhere send a token in the header Authorization"
        return _refusal("a session changes things from packtrain's own pages alone", hint)
    if not is_csrf_of(text, Headers(scope=scope).get(CSRF_HEADER, "")):
        hint = f"load the page again; programs send a token in the header Authorization, not a cookie and {CSRF_HEADER}"
        return _refusal(f"the header {CSRF_HEADER} is not that of this session", hint)
    return None


def _refusal(detail: str, hint: str) -> Response:
    return problem(403, detail, code=ProblemCode.CSRF_REFUSED, hint=hint)


def _host(origin: str) -> str:
    """Host and port of an origin, without the port that its scheme implies; empty for what is none."""
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return ""
    return parts.netloc.removesuffix(_DEFAULT_PORTS.get(parts.scheme, " "))
