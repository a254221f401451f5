"""A file server's bytes without the greeting that a login shell printed before them."""

import re
from typing import Any, Protocol

_BLOCK_BYTES = 64 * 1024


class ByteChannel(Protocol):
    """Part of an SSH channel that PastBanner needs (paramiko.Channel has it)."""

    def recv(self, nbytes: int, /) -> bytes: ...


class PastBanner:
    """A channel to a file server, without what the account's start files print before it.

    Where sftp-server is a program of its own, the login shell starts it, and a greeting there breaks every SFTP client.
    """

    # The length, type and version of SSH_FXP_VERSION; no text holds such bytes.
    _FIRST_PACKET = re.compile(rb"\x00\x00[\x00-\x0f][\x00-\xff]\x02\x00\x00\x00\x03")

    def __init__(self, channel: ByteChannel) -> None:
        self._channel = channel
        self._read_ahead = b""
        self._began = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def recv(self, nbytes: int) -> bytes:
        """At most `nbytes` bytes of the file server."""
        if not self._began:
            self._find_beginning()
        if self._read_ahead:
            part, self._read_ahead = self._read_ahead[:nbytes], self._read_ahead[nbytes:]
            return part
        return self._channel.recv(nbytes)

    def _find_beginning(self) -> None:
        while not (first := self._FIRST_PACKET.search(self._read_ahead)):
            more = self._channel.recv(_BLOCK_BYTES)
            if not more:
                words = self._read_ahead[:200].decode("utf-8", "replace").strip()
                raise ConnectionError(f"no file server answers: {words}")
            self._read_ahead += more
        self._read_ahead = self._read_ahead[first.start() :]
        self._began = True
