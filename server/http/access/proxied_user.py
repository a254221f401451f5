"""User whom a proxy in front names in a header, where the proxy is believed."""

from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import Scope

from server.http.access.peer import peer_of
from tuning.errors import NotAuthenticated
from tuning.sign_in_settings import SignInSettings


def proxied_user(scope: Scope, settings: SignInSettings) -> str | None:
    """Name that the proxy tells; None where there is no such proxy, or where it tells none.

    From any other address the header says nothing. Raises NotAuthenticated for a header that is there twice: one of
    them may be the browser's own.
    """
    if settings.proxy_user_header is None or not is_believed(scope, settings):
        return None
    names = Headers(scope=scope).getlist(settings.proxy_user_header)
    if len(names) > 1:
        raise NotAuthenticated(f"the header {settings.proxy_user_header} is there twice", hint="tell the operator")
    return (names[0].strip() or None) if names else None


def proxied_groups(scope: Scope, settings: SignInSettings) -> list[str]:
    """Names of the groups that the proxy tells."""
    if settings.proxy_groups_header is None or not is_believed(scope, settings):
        return []
    told = ",".join(Headers(scope=scope).getlist(settings.proxy_groups_header))
    return [name for part in told.split(",") if (name := part.strip())]


def is_believed(scope: Scope, settings: SignInSettings) -> bool:
    """Whether a request comes from an address whose headers are believed: that of the connection itself."""
    try:
        peer = ip_address(peer_of(scope))
    except ValueError:
        return False
    peer = getattr(peer, "ipv4_mapped", None) or peer
    return any(peer in network for network in settings.proxy_addresses)
