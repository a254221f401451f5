"""ID token of an OIDC provider: its signature and its claims, held against what was asked for. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from tuning.errors import NotAuthenticated

ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA",
)  # fmt: skip
"""Signatures by a key of the provider's own: neither `none`, nor one by a secret that somebody else may know."""
_LEEWAY_SECONDS = 60
_LONGEST_SUBJECT = 255
_LONGEST_TOKEN = 100_000


class UnknownKey(Exception):
    """The token names a key that is not among the known ones: the provider may have a new one."""


@dataclass(frozen=True)
class Expected:
    """Values that an ID token has to hold."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str | None
    algorithms: Collection[str] = ALGORITHMS


def checked_claims(text: str, keys: Mapping[str, Any], expected: Expected, now: datetime) -> Mapping[str, Any]:
    """The claims of an ID token that holds.

    Raises NotAuthenticated for one that does not, and UnknownKey.
    """
    if len(text) > _LONGEST_TOKEN:
        raise _wrong("it is too long")
    usable = [name for name in ALGORITHMS if name in expected.algorithms]
    try:
        registry = JWSRegistry(algorithms=usable, strict_check_header=False)
        token = jwt.decode(text, KeySet.import_key_set({"keys": list(keys.get("keys", ()))}), registry=registry)
    except InvalidKeyIdError as error:
        raise UnknownKey from error
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _wrong(type(error).__name__) from error
    return _held(token.claims, token.header, expected, now)


def _held(claims: dict[str, Any], header: Mapping[str, Any], expected: Expected, now: datetime) -> Mapping[str, Any]:
    options = {
        "iss": {"essential": True, "value": expected.issuer},
        "aud": {"essential": True, "value": expected.client_id},
        "sub": {"essential": True},
    }
    given = {"nonce": expected.nonce, "client_id": expected.client_id, "access_token": expected.access_token}
    try:
        CodeIDToken(claims, header, options, given).validate(now=int(now.timestamp()), leeway=_LEEWAY_SECONDS)
    except (JoseError, ValueError, TypeError, AttributeError) as error:
        raise _wrong(str(error)[:200]) from error
    subject = claims["sub"]
    if not isinstance(subject, str) or not subject.isprintable() or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise _wrong("its subject is no text of 1 to 255 characters")
    return claims


def _wrong(reason: str) -> NotAuthenticated:
    error = NotAuthenticated("what the provider says of you does not hold", hint="begin again; tell the operator")
    error.add_note(f"ID token: {reason}")
    return error
