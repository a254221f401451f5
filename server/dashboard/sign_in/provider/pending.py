"""Sign-in on its way through the provider: kept by the browser in an encrypted cookie for ten minutes, used once."""

import base64
import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import Scope

from tuning.errors import NotAuthenticated

SECONDS = 600
_NAME = "packtrain_oidc"
_LONGEST_COOKIE = 8_000


@dataclass(frozen=True)
class Pending:
    """A sign-in that was begun and has not come back."""

    state: str
    nonce: str
    code_verifier: str
    onward: str

    @classmethod
    def begun(cls, onward: str) -> "Pending":
        """A new one, which nobody can guess."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(32), onward)


class Seal:
    """Encrypts what the browser keeps, so that nobody else makes or reads it."""

    def __init__(self, key: SecretStr | None) -> None:
        """Without a key (PACKTRAIN_SECRETS_KEY) this process alone can open what it sealed."""
        text = key.get_secret_value() if key is not None else secrets.token_urlsafe(32)
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"oidc sign-in\0{text}".encode()).digest()))

    def keep(self, response: Response, scope: Scope, pending: Pending, now: datetime) -> None:
        """Let the browser keep a sign-in."""
        sealed = self._fernet.encrypt_at_time(json.dumps(asdict(pending)).encode(), int(now.timestamp()))
        is_secure = scope["scheme"] == "https"
        response.set_cookie(
            _name(scope), sealed.decode(), max_age=SECONDS, path="/", secure=is_secure, httponly=True, samesite="lax"
        )

    def pending(self, scope: Scope, state: str, now: datetime) -> Pending:
        """The sign-in that the browser kept, where the provider sent back its state. Raises NotAuthenticated."""
        cookies = Headers(scope=scope).get("cookie", "")
        sealed = cookie_parser(cookies).get(_name(scope), "")[:_LONGEST_COOKIE]
        try:
            values = json.loads(self._fernet.decrypt_at_time(sealed, SECONDS, int(now.timestamp())))
            pending = Pending(**values)
        except (InvalidToken, ValueError, TypeError) as error:
            raise _not_begun() from error
        if not secrets.compare_digest(pending.state.encode(), state.encode("utf-8", "surrogatepass")):
            raise _not_begun()
        return pending


def drop_pending(response: Response, scope: Scope) -> None:
    """Let the browser forget its sign-in: it came back, however it ended."""
    is_secure = scope["scheme"] == "https"
    response.delete_cookie(_name(scope), path="/", secure=is_secure, httponly=True, samesite="lax")


def _name(scope: Scope) -> str:
    return f"__Host-{_NAME}" if scope["scheme"] == "https" else _NAME


def _not_begun() -> NotAuthenticated:
    return NotAuthenticated("this sign-in was not begun here, or too long ago", hint="begin again")
