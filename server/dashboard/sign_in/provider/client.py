"""Client of an OIDC provider: authorization code with PKCE, for any provider that describes itself (discovery)."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus, urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from server.dashboard.sign_in.provider.http import ask_provider, unavailable
from server.dashboard.sign_in.provider.id_token import ALGORITHMS, Expected, UnknownKey, checked_claims
from server.dashboard.sign_in.provider.pending import Pending
from tuning.errors import NotAuthenticated, Unavailable
from tuning.sign_in_settings import SignInSettings

_KNOWN_FOR_SECONDS = 3_600.0
_KEYS_AGAIN_AFTER_SECONDS = 30.0
"""So soon at the earliest the keys are read again for a token that names another one."""
_AT_ONCE = 8
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class _Kept:
    values: Mapping[str, Any]
    read_at: float


class OidcProvider:
    """The provider of the settings, whose description and keys are kept for an hour. For several threads."""

    def __init__(self, settings: SignInSettings, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`settings` have an issuer and a client's id."""
        self._settings = settings
        self.issuer, self._client_id = settings.oidc_issuer or "", settings.oidc_client_id or ""
        self._monotonic = monotonic
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        self._kept: dict[str, _Kept] = {}

    @property
    def name(self) -> str:
        """The provider as people know it."""
        return self._settings.oidc_name or urlsplit(self.issuer).hostname or self.issuer

    def address(self, pending: Pending, redirect_uri: str) -> str:
        """Address at which the browser signs in. Raises Unavailable."""
        with self._place():
            endpoint = self._endpoint("authorization_endpoint")
        return str(
            prepare_grant_uri(
                endpoint,
                self._client_id,
                "code",
                redirect_uri,
                self._settings.oidc_scopes,
                pending.state,
                nonce=pending.nonce,
                code_challenge=create_s256_code_challenge(pending.code_verifier),
                code_challenge_method="S256",
            )
        )

    def end_address(self, onward: str) -> str | None:
        """Address at which the browser ends the provider's session, and from there goes on; None where it has none.

        Raises Unavailable.
        """
        with self._place():
            if "end_session_endpoint" not in self._description():
                return None
            endpoint = self._endpoint("end_session_endpoint")
        parameters = {"client_id": self._client_id, "post_logout_redirect_uri": onward}
        return str(add_params_to_uri(endpoint, list(parameters.items())))

    def claims(self, code: str, pending: Pending, redirect_uri: str, now: datetime) -> Mapping[str, Any]:
        """Claims about the person who brought this code back. Raises NotAuthenticated, Unavailable."""
        with self._place():
            given = self._token_answer(code, pending, redirect_uri)
            access_token = given.get("access_token")
            access_token = access_token if isinstance(access_token, str) else None
            expected = Expected(self.issuer, self._client_id, pending.nonce, access_token, self._algorithms())
            claims = self._checked(str(given.get("id_token", "")), expected, now)
            return {**self._further_claims(claims, access_token), **claims}

    def _token_answer(self, code: str, pending: Pending, redirect_uri: str) -> Mapping[str, Any]:
        secret = self._settings.oidc_client_secret
        verifier = {"code_verifier": pending.code_verifier}
        auth, more = None, {"client_id": self._client_id}
        if secret is not None and self._takes_basic():
            auth, more = (quote_plus(self._client_id), quote_plus(secret.get_secret_value())), {}
        elif secret is not None:
            more["client_secret"] = secret.get_secret_value()
        form = prepare_token_request("authorization_code", "", redirect_uri, code=code, **verifier, **more)
        url = self._endpoint("token_endpoint")
        answer = ask_provider("POST", url, headers=_FORM, content=form, auth=auth)
        if answer.status >= 500:
            raise unavailable(url, f"status {answer.status}")
        if answer.status != 200 or not isinstance(answer.values.get("id_token"), str):
            error = NotAuthenticated("the provider does not confirm this sign-in", hint="begin again")
            error.add_note(f"{url}: status {answer.status}, {str(answer.values.get('error'))[:100]}")
            raise error
        return answer.values

    def _checked(self, text: str, expected: Expected, now: datetime) -> Mapping[str, Any]:
        keys = self._described("jwks_uri")
        try:
            return checked_claims(text, keys.values, expected, now)
        except UnknownKey:
            if self._monotonic() - keys.read_at >= _KEYS_AGAIN_AFTER_SECONDS:
                self._kept.pop("jwks_uri", None)
        try:
            return checked_claims(text, self._described("jwks_uri").values, expected, now)
        except UnknownKey as error:
            raise NotAuthenticated("the provider signs with a key that it does not tell", hint="begin again") from error

    def _further_claims(self, claims: Mapping[str, Any], access_token: str | None) -> Mapping[str, Any]:
        """Claims of the provider's userinfo, where the ID token does not have all that are wanted."""
        wanted = {self._settings.oidc_user_claim, self._settings.oidc_groups_claim, "email"}
        if access_token is None or "userinfo_endpoint" not in self._description() or wanted <= claims.keys():
            return {}
        url = self._endpoint("userinfo_endpoint")
        answer = ask_provider("GET", url, headers={"Authorization": f"Bearer {access_token}"})
        if answer.status != 200:
            raise unavailable(url, f"status {answer.status}")
        if answer.values.get("sub") != claims["sub"]:
            raise NotAuthenticated("the provider speaks of two people", hint="begin again; tell the operator")
        return answer.values

    def _algorithms(self) -> list[str]:
        told = self._description().get("id_token_signing_alg_values_supported")
        return [name for name in told if name in ALGORITHMS] if isinstance(told, list) else ["RS256"]

    def _takes_basic(self) -> bool:
        told = self._description().get("token_endpoint_auth_methods_supported")
        return not isinstance(told, list) or "client_secret_basic" in told

    def _description(self) -> Mapping[str, Any]:
        """The provider's own. Raises Unavailable where it describes another one."""
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        values = self._read("description", url).values
        if values.get("issuer") != self.issuer:
            self._kept.pop("description", None)
            raise unavailable(url, f"it is the description of {str(values.get('issuer'))[:200]}")
        return values

    def _described(self, name: str) -> _Kept:
        return self._read(name, self._endpoint(name))

    def _endpoint(self, name: str) -> str:
        """A URL of the description, as safe as the issuer's own. Raises Unavailable."""
        url = self._description().get(name)
        if not isinstance(url, str) or urlsplit(url).scheme not in ("https", urlsplit(self.issuer).scheme):
            raise unavailable(self.issuer, f"its description has no usable {name}")
        return url

    def _read(self, name: str, url: str) -> _Kept:
        kept = self._kept.get(name)
        if kept is None or self._monotonic() - kept.read_at > _KNOWN_FOR_SECONDS:
            answer = ask_provider("GET", url)
            if answer.status != 200:
                raise unavailable(url, f"status {answer.status}")
            kept = self._kept[name] = _Kept(answer.values, self._monotonic())
        return kept

    @contextmanager
    def _place(self) -> Iterator[None]:
        """A provider that hangs holds up a few threads, not all of them."""
        if not self._places.acquire(blocking=False):
            raise Unavailable("too many people sign in at once", retry_after_seconds=5, hint="try again in a moment")
        try:
            yield
        finally:
            self._places.release()
