"""Identity out of the claims of an OIDC provider. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from tuning.errors import NotAllowed
from tuning.people.identities import Account, Identity
from tuning.sign_in_settings import SignInSettings
from tuning.storable import storable_line

_MOST_GROUPS = 1_000
_LONGEST_GROUP = 500
_LONGEST_NAME, _LONGEST_EMAIL = 200, 320
_ASK = "ask those who run the provider"


def identity_of(claims: Mapping[str, Any], settings: SignInSettings) -> Identity:
    """Identity that the claims describe. Raises NotAllowed where they name nobody that can be a user."""
    email = _verified_email(claims)
    if settings.oidc_user_claim == "email" and email is None:
        raise NotAllowed("your e-mail address is not verified by the provider", hint=_ASK)
    name = email if settings.oidc_user_claim == "email" else claims.get(settings.oidc_user_claim)
    if not isinstance(name, str) or not name:
        raise NotAllowed(f"the provider does not say your {settings.oidc_user_claim}", hint=_ASK)
    display_name = claims.get("name")
    return Identity(
        name,
        Account(str(claims["iss"]), str(claims["sub"])),
        groups_of(claims.get(settings.oidc_groups_claim)),
        storable_line(display_name, _LONGEST_NAME) or None if isinstance(display_name, str) else None,
        email,
    )


def groups_of(claim: object) -> Sequence[str]:
    """Names of groups in a claim: a list of texts, or one of them. Whatever else is there names none."""
    found = claim if isinstance(claim, list) else [claim]
    return [each for each in found[:_MOST_GROUPS] if isinstance(each, str) and 0 < len(each) <= _LONGEST_GROUP]


def _verified_email(claims: Mapping[str, Any]) -> str | None:
    email = claims.get("email")
    is_verified = claims.get("email_verified") is True
    if not is_verified or not isinstance(email, str) or not email.isprintable() or " " in email:
        return None
    return email if 0 < len(email) <= _LONGEST_EMAIL else None
