"""An OIDC provider that says whatever a test wants: wrong claims, wrong signatures, wrong descriptions."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT = "packtrain"
KEY = RSAKey.generate_key(2048, parameters={"kid": "first"})
OTHER_KEY = RSAKey.generate_key(2048, parameters={"kid": "first"})
NEXT_KEY = ECKey.generate_key("P-256", parameters={"kid": "next"})


class LyingProvider:
    """Provider whose answers tests change. `claims` and `sign` make the ID token of the next answer."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.description: dict[str, Any] = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
        }
        self.keys: list[Mapping[str, Any]] = [KEY.as_dict(private=False)]
        self.claims: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any]], str] = signed
        self.token_answer: dict[str, Any] | None = None
        self.userinfo: dict[str, Any] = {}
        self.status = 200
        self.raw: bytes | None = None
        self.asked: list[str] = []

    def whole_claims(self, nonce: str, now: float) -> dict[str, Any]:
        """Claims with which somebody gets in."""
        times = {"iat": int(now), "exp": int(now) + 300}
        return {"iss": self.issuer, "aud": CLIENT, "sub": "sub-1", "preferred_username": "ada", "nonce": nonce, **times}

    def answer(self, path: str) -> tuple[int, bytes]:
        """The answer to a request."""
        self.asked.append(path)
        if self.raw is not None:
            return self.status, self.raw
        return self.status, json.dumps(self._values(path)).encode()

    def _values(self, path: str) -> object:
        if path == "/token":
            given = {"access_token": "access", "token_type": "Bearer", "id_token": self.sign(self.claims)}
            return self.token_answer if self.token_answer is not None else given
        return {"/.well-known/openid-configuration": self.description, "/keys": {"keys": self.keys}}.get(
            path, self.userinfo
        )


def signed(claims: dict[str, Any]) -> str:
    """By the key that it tells."""
    return jwt.encode({"alg": "RS256", "kid": "first"}, claims, KEY)


def signed_by_another(claims: dict[str, Any]) -> str:
    """By a key of the same id that is not the one that it tells."""
    return jwt.encode({"alg": "RS256", "kid": "first"}, claims, OTHER_KEY)


def signed_by_next(claims: dict[str, Any]) -> str:
    """By a key that it did not tell before."""
    return jwt.encode({"alg": "ES256", "kid": "next"}, claims, NEXT_KEY)


def signed_by_public_key(claims: dict[str, Any]) -> str:
    """By the public key as if it were a secret: what everybody can do."""
    secret = KEY.as_pem(private=False)
    text = _text({"alg": "HS256", "kid": "first"}, claims)
    return f"{text}.{_encoded(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def unsigned(claims: dict[str, Any]) -> str:
    """By nothing."""
    return f"{_text({'alg': 'none'}, claims)}."


def _text(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@contextmanager
def lying_provider() -> Iterator[LyingProvider]:
    """Run it until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    provider = LyingProvider(f"http://127.0.0.1:{server.server_port}")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = provider.answer(self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            self.do_GET()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server.RequestHandlerClass = Handler
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
