"""A tunnel: a byte stream through an SSH connection to a port behind the login node."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from tuning.errors import Unreachable


class Channel(Protocol):
    """A channel of an SSH library, as far as a tunnel needs it."""

    def recv(self, nbytes: int) -> bytes:
        """Some bytes; none at the end."""
        ...

    def sendall(self, s: bytes) -> None:
        """Hand on all of these bytes."""
        ...

    def close(self) -> None:
        """End it on both sides."""
        ...


class Tunnel:
    """A byte stream to a port behind a login node. One thread at a time may receive, and one send.

    Both wait for as long as it takes; a third thread that closes the tunnel ends their waiting.
    """

    def __init__(self, channel: Channel, where: str, *, broken: tuple[type[Exception], ...]) -> None:
        """`where` names the port in errors; `broken` are the errors by which the channel's library tells its end."""
        self._channel = channel
        self._where = where
        self._broken = broken

    def receive(self, most_bytes: int) -> bytes:
        """The next bytes; none where the stream has ended, also by the end of the connection. Raises Unreachable."""
        with self._told():
            return self._channel.recv(most_bytes)

    def send(self, content: bytes) -> None:
        """Hand on all of the bytes. Raises Unreachable where nobody takes them any more."""
        with self._told():
            self._channel.sendall(content)

    def close(self) -> None:
        """End the stream on both sides, at once; may be called twice. Raises Unreachable."""
        with self._told():
            self._channel.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self._broken as error:
            raise Unreachable(f"the tunnel to {self._where} broke: {error or type(error).__name__}") from error
