"""The key by which a login node is recognised, and the file of those that are trusted."""

import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Standing(Enum):
    """Standing of a host's key in the file of trusted keys."""

    NEW = "new"
    """The file knows nothing of this host."""
    TRUSTED = "trusted"
    CHANGED = "changed"
    """The file knows the host by another key."""


@dataclass(frozen=True)
class HostKey:
    """A host's public key as it was shown."""

    host: str
    """As known_hosts names it: with the port, where that is not 22."""
    kind: str
    base64: str
    fingerprint: str
    """SHA256:..., as ssh and sites print it."""
    standing: Standing

    @property
    def line(self) -> str:
        """Its line in known_hosts."""
        return f"{self.host} {self.kind} {self.base64}\n"


def trust(key: HostKey, known_hosts: Path) -> None:
    """Add a key to the file, which is made if need be. Raises OSError."""
    known_hosts.parent.mkdir(parents=True, exist_ok=True)
    before = known_hosts.read_bytes() if known_hosts.exists() else b""
    gap = "\n" if before and not before.endswith(b"\n") else ""
    # O_APPEND and one write: what somebody else adds at the same moment is neither lost nor torn
    file = os.open(known_hosts, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, f"{gap}{key.line}".encode())
    finally:
        os.close(file)
