"""Targets of notices: URLs that are taken, and the addresses to which packtrain connects. Pure.

A webhook's URL comes from a user, and whatever it names is reached from the server's network. So an address is judged
after DNS, and the connection goes to the very address that was judged (worker.notify.http_sender).
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from tuning.errors import Finding

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST_URL = 2000
MAILTO = "mailto:"
_PORTS = {"http": 80, "https": 443}
_LEAST_FREE_PORT = 1024
_NFS, _SIP, _X11, _IRC, _STORES = (
    (2049, 4045),
    (5060, 5061),
    range(6000, 6064),
    (*range(6665, 6670), 6697),
    (6379, 11211),
)
_OTHER_PROTOCOLS = frozenset({*_NFS, *_SIP, *_X11, *_IRC, *_STORES})
"""Ports from 1024 on behind which something else than HTTP listens, Redis and memcached among them."""
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_GAP = re.compile(r"[\x00-\x20\x7f]")
"""urlsplit itself takes some of these out and goes on."""
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}")


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


_NOT_PUBLIC: dict[str, tuple[Network, ...]] = {
    "unspecified": _networks("0.0.0.0/8", "::/128"),
    "loopback": _networks("127.0.0.0/8", "::1/128"),
    "private": _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    "link-local": _networks("169.254.0.0/16", "fe80::/10"),
    "shared by a provider (CGNAT)": _networks("100.64.0.0/10"),
    "multicast": _networks("224.0.0.0/4", "ff00::/8"),
    "an IPv4 address inside an IPv6 one": _networks(
        "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96"
    ),
    "reserved": _networks(
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "240.0.0.0/4", "2001::/23", "2001:db8::/32", "3fff::/20",
    ),
}  # fmt: skip
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")


@dataclass(frozen=True)
class Target:
    """Target of an HTTP notice, taken apart."""

    is_tls: bool
    host: str
    port: int
    path: str
    """With its query."""


def refusal(address: Address, allowed: Sequence[Network]) -> str | None:
    """The reason for which packtrain does not connect to an address; None where it does."""
    if any(address in network for network in allowed):
        return None
    for word, networks in _NOT_PUBLIC.items():
        if any(address in network for network in networks):
            return f"{address} is {word}"
    if isinstance(address, ipaddress.IPv6Address) and address not in _PUBLIC_V6:
        return f"{address} is reserved"
    return None


def target_of(url: str) -> Target:
    """The parts of a URL that `check_url` has found good. Raises ValueError for any other."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" not in host:
        host = host.encode("idna").decode() if not host.isascii() else host
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme == "https", host, parts.port or _PORTS[parts.scheme], path)


def mail_address(url: str) -> str:
    """The address of a `mailto:` URL that `check_mail` has found good."""
    return url.removeprefix(MAILTO)


def is_mail_address(url: str) -> bool:
    """Whether a URL is `mailto:` and one plain address."""
    address = mail_address(url)
    return url.startswith(MAILTO) and len(address) <= 254 and _MAIL.fullmatch(address) is not None


def check_mail(url: str) -> list[Finding]:
    """Findings about the URL of a mail notice: `mailto:` and one plain address, without anything behind it."""
    if is_mail_address(url):
        return []
    return [Finding(("url",), "this is no address for mail", "give mailto:NAME@DOMAIN, and nothing behind it")]


def check_url(url: str, allowed: Sequence[Network]) -> list[Finding]:
    """Findings about the URL of a notice over HTTP. What its host's name leads to is seen when it is sent."""
    finding = _malformed(url)
    if finding is not None:
        return [finding]
    parts = urlsplit(url)
    wrong = [_doubt_port(parts), _doubt_user(parts), _doubt_host(parts.hostname or "", allowed)]
    return [finding for finding in wrong if finding is not None]


def _malformed(url: str) -> Finding | None:
    hint = "give http:// or https://, a host, and a path of printable ASCII (others as %XX)"
    try:
        parts = urlsplit(url)
        target = target_of(url) if parts.scheme in _PORTS else None
    except (ValueError, UnicodeError):
        target = None
    if target is None or not target.host or len(url) > LONGEST_URL or parts.fragment or _GAP.search(url):
        return Finding(("url",), "this is no URL to send notices to", hint)
    if not _is_plain(target.path) or not _is_host(target.host):
        return Finding(("url",), "this URL holds characters that no request can be sent with", hint)
    return None


def _is_plain(path: str) -> bool:
    return path.isascii() and all("!" <= character <= "~" for character in path)


def _is_host(host: str) -> bool:
    return _literal(host) is not None if ":" in host else _HOST.fullmatch(host) is not None


def _doubt_port(parts: SplitResult) -> Finding | None:
    port = parts.port
    if port is None or port in _PORTS.values() or (port >= _LEAST_FREE_PORT and port not in _OTHER_PROTOCOLS):
        return None
    hint = "80, 443, or from 1024 on one that no other protocol is known for"
    return Finding(("url",), f"no notices are sent to port {port}", hint)


def _doubt_user(parts: SplitResult) -> Finding | None:
    if parts.username is None and parts.password is None:
        return None
    hint = "leave it out: a receiver knows packtrain's notices by their signature"
    return Finding(("url",), "a URL with a user or password in it is not taken", hint)


def _doubt_host(host: str, allowed: Sequence[Network]) -> Finding | None:
    address = _literal(host)
    reason = refusal(address, allowed) if address is not None else None
    if host == "localhost" or host.endswith(".localhost"):
        reason = refusal(ipaddress.IPv4Address("127.0.0.1"), allowed)
    if reason is None:
        return None
    hint = "give a public address; for receivers inside, the operator sets PACKTRAIN_NOTICE_TARGETS"
    return Finding(("url",), f"no notices are sent there: {reason}", hint)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
