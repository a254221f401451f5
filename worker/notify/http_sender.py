"""HTTP tries: one POST to an address that was checked, its answer judged by its status alone.

The host's name is looked up once, its addresses are checked (tuning.notices.targets), and the connection goes to one
of these: no second lookup can lead elsewhere. Redirects are not followed. Of the answer nothing but its status is read:
a receiver may send what it likes for as long as it likes, and nothing of it is ever shown.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

from tuning.notices.claims import Outcome
from tuning.notices.targets import Address, Network, Target, refusal
from worker.notify.deadline import Deadline, DeadlineSocket

TRY_SECONDS = 10.0
"""From the lookup's end to the status of the answer."""
_CONNECT_SECONDS = 5.0
_MOST_ADDRESSES = 4
"""Of one host, that are tried in turn."""
_REDIRECTS = range(300, 400)

Resolve = Callable[[str, int], Sequence[Address]]


def resolve(host: str, port: int) -> Sequence[Address]:
    """The addresses of a host, as the system finds them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(sockaddr[0]) for *_, sockaddr in found]


class HttpSender:
    """Sends bodies to targets, within the networks that may be reached."""

    def __init__(
        self,
        allowed: Sequence[Network],
        stop: threading.Event,
        resolve: Resolve = resolve,
        try_seconds: float = TRY_SECONDS,
    ) -> None:
        self._allowed, self._stop, self._resolve, self._try_seconds = allowed, stop, resolve, try_seconds
        self._tls = ssl.create_default_context()

    def post(self, target: Target, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """One try; whatever goes wrong with it is its outcome."""
        try:
            status = self._status(target, body, headers)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            return Outcome(False, error=self._words(target, error))
        return _judged(target, status)

    def _words(self, target: Target, error: Exception) -> str:
        match error:
            case ssl.SSLCertVerificationError():
                return f"the certificate of {target.host} does not hold: {error.verify_message}"
            case TimeoutError():
                return f"{target.host} gave no answer within {self._try_seconds:.0f} seconds"
            case http.client.RemoteDisconnected():
                return f"{target.host} ended the connection without an answer"
            case http.client.HTTPException():
                return f"the answer of {target.host} is no HTTP ({type(error).__name__})"
        return f"no connection to {target.host}: {getattr(error, 'strerror', None) or error}"

    def _status(self, target: Target, body: bytes, headers: Mapping[str, str]) -> int:
        """Raises OSError, HTTPException."""
        addresses = self._checked_addresses(target)
        deadline = Deadline(self._try_seconds, self._stop)
        with closing(self._connected(target, addresses, deadline)) as connected:
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.default_port = http.client.HTTPS_PORT if target.is_tls else http.client.HTTP_PORT
            connection.sock = DeadlineSocket(connected, deadline)
            connection.request("POST", target.path, body, dict(headers))
            return connection.getresponse().status

    def _checked_addresses(self, target: Target) -> list[Address]:
        """Raises OSError where there is none that may be reached."""
        found = list(dict.fromkeys(self._resolve(target.host, target.port)))
        reasons = {address: refusal(address, self._allowed) for address in found}
        good = [address for address in found if reasons[address] is None]
        if not good:
            told = next((reason for reason in reasons.values() if reason), "it has no address")
            raise OSError(f"{told}, and packtrain sends no notices there")
        return good[:_MOST_ADDRESSES]

    def _connected(self, target: Target, addresses: Sequence[Address], deadline: Deadline) -> socket.socket:
        """Raises OSError: that of the last address."""
        for address in addresses[:-1]:
            try:
                return self._connect(target, address, deadline)
            except OSError:
                continue
        return self._connect(target, addresses[-1], deadline)

    def _connect(self, target: Target, address: Address, deadline: Deadline) -> socket.socket:
        seconds = min(deadline.left_seconds(), _CONNECT_SECONDS)
        plain = socket.create_connection((str(address), target.port), seconds)
        if not target.is_tls:
            return plain
        try:
            plain.settimeout(deadline.left_seconds())
            return self._tls.wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise


def _judged(target: Target, status: int) -> Outcome:
    words = f"{status} {http.client.responses.get(status, '')}".strip()
    if 200 <= status < 300:
        return Outcome(True, status)
    if status in _REDIRECTS:
        hint = "redirects are not followed: give the webhook the address that it leads to"
        return Outcome(False, status, f"{target.host} answered {words}; {hint}")
    return Outcome(False, status, f"{target.host} answered {words}")
