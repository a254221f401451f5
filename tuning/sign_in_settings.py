"""Settings of how browsers sign in: by a token, by an OIDC provider, or by a proxy in front; and what groups give."""

import re
import tomllib
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError, field_validator
from pydantic_settings import NoDecode

from tuning.errors import Finding, InvalidInput

Grant = Annotated[str, Field(pattern=r"^(administrator|viewer|(team|lead):[A-Za-z0-9][A-Za-z0-9._-]{0,63})$")]
"""Gift of a group of the site: a role, membership of a team, or its lead (which is a membership, too)."""
GroupGrants = Mapping[str, tuple[str, ...]]
"""Grants by the name of a group, as the provider or the proxy calls it."""
_GROUPS = TypeAdapter(
    dict[Annotated[str, Field(min_length=1, max_length=500)], Annotated[tuple[Grant, ...], Field(max_length=50)]],
    config=ConfigDict(frozen=True),
)
_ISSUER = re.compile(r"https://[^\s?#@]+|http://(127\.0\.0\.1|\[::1\]|localhost)(:[0-9]+)?(/[^\s?#@]*)?")
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")]


class SignInSettings(BaseModel):
    """Settings of sign-in by browsers, from the environment."""

    session_seconds: float = Field(default=14 * 24 * 3600.0, ge=60, le=366 * 24 * 3600)
    """Longest life of a session."""
    oidc_issuer: str | None = Field(default=None, max_length=500)
    """The provider's issuer URL, below which it describes itself; without it there is no sign-in by OIDC."""
    oidc_client_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    oidc_client_secret: SecretStr | None = None
    """None for a public client, which proves itself by PKCE alone."""
    oidc_name: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    """The provider's name on the button; by default its host."""
    oidc_scopes: str = Field(default="openid profile email", pattern=r"^openid( [!#-\[\]-~]+)*$", max_length=500)
    oidc_user_claim: Literal["preferred_username", "email", "sub"] = "preferred_username"
    """The claim that names a new user; `email` only where the provider has verified it."""
    oidc_groups_claim: Annotated[str, Field(min_length=1, max_length=200)] = "groups"
    """The claim with the groups that the grants of the clusters file are for."""
    oidc_new_users: bool = False
    """Whether somebody's first sign-in makes their user."""
    oidc_link_existing: bool = False
    """Whether a first sign-in takes over the user of that name who is there already."""
    proxy_user_header: HeaderName | None = None
    """The header by which a proxy in front names the user; without it no header does."""
    proxy_groups_header: HeaderName | None = None
    """The header with the user's groups, with commas between."""
    proxy_addresses: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Networks, with commas between, that these headers are believed of."""
    proxy_new_users: bool = False
    """Whether a name that the proxy tells for the first time makes a user."""

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, value: str | None) -> str | None:
        if value is not None and not _ISSUER.fullmatch(value):
            raise ValueError("an issuer is an https:// URL without query (http:// on this machine's loopback alone)")
        return value

    @field_validator("proxy_addresses", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def check_sign_in(settings: SignInSettings) -> None:
    """Raises InvalidInput for settings that say half of a way to sign in."""
    findings = []
    if settings.oidc_issuer is not None and settings.oidc_client_id is None:
        findings.append(_finding("PACKTRAIN_OIDC_CLIENT_ID", "PACKTRAIN_OIDC_ISSUER needs it beside it"))
    if settings.proxy_user_header is not None and not settings.proxy_addresses:
        hint = "PACKTRAIN_PROXY_USER_HEADER needs the proxy's addresses beside it: anybody could send the header"
        findings.append(_finding("PACKTRAIN_PROXY_ADDRESSES", hint))
    if findings:
        raise InvalidInput(findings)


def load_groups(path: Path) -> GroupGrants:
    """The table `[sign_in.groups]` of the clusters file: `"/lab/mt" = ["team:mt"]`.

    Raises InvalidInput where the file cannot be read, or the table does not hold.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("sign_in", {})
        if unknown := sorted(table.keys() - {"groups"}):
            raise InvalidInput([Finding((str(path), "sign_in"), f"there is no {unknown[0][:100]} in sign_in")])
        return _GROUPS.validate_python(table.get("groups", {}))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError) as error:
        raise InvalidInput([Finding((str(path), "sign_in"), f"sign_in cannot be read: {error}")]) from error
    except ValidationError as error:
        hint = "a group gives a list of team:NAME, lead:NAME, administrator, viewer"
        findings = [
            Finding((str(path), "sign_in", "groups", *map(str, each["loc"])), each["msg"], hint)
            for each in error.errors(include_url=False)
        ]
        raise InvalidInput(findings) from error


def _finding(variable: str, message: str) -> Finding:
    return Finding((variable,), f"{variable} is not set: {message}")
