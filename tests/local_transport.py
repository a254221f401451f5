"""A login node that is this machine: commands run in a real shell, files are local."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tuning.errors import RemoteFileError, Unreachable
from tuning.ssh.fake import local_tunnel
from tuning.ssh.transport import Completed
from tuning.ssh.tunnel import Tunnel

_CHUNK_BYTES = 1000


class LocalTransport:
    """`tuning.ssh.transport.Transport` without a network. Counts what was asked of it, and can be cut off."""

    def __init__(self, *, banner: bytes = b"") -> None:
        self.commands: list[str] = []
        self.open_files = 0
        self.is_cut_off = False
        self.is_closed = False
        self._banner = banner

    def run(self, command: str, *, stdin: bytes = b"", timeout_seconds: float | None = None) -> Completed:
        """Run it in bash, as it will be there."""
        self._check()
        self.commands.append(command)
        done = subprocess.run(["bash", "-c", command], input=stdin, capture_output=True, timeout=30, check=False)
        return Completed(self._banner + done.stdout, done.stderr, done.returncode)

    def put(self, content: BinaryIO, path: str, *, mode: int = 0o644) -> None:
        """Write a file."""
        Path(path).write_bytes(content.read())
        Path(path).chmod(mode)

    def stream(self, command: str, *, stdin: bytes = b"") -> Iterator[bytes]:
        """What it prints in bash, in small chunks."""
        self._check()
        self.commands.append(command)
        pipe, words = subprocess.PIPE, ["bash", "-c", command]
        with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe) as process:
            assert process.stdin
            assert process.stdout
            assert process.stderr
            self.open_files += 1
            try:
                process.stdin.write(stdin)
                process.stdin.close()
                yield self._banner
                while chunk := process.stdout.read(_CHUNK_BYTES):
                    yield chunk
                    self._check()
                if process.wait() != 0:
                    raise RemoteFileError(process.stderr.read().decode())
            finally:
                process.stdout.close()  # so that one who is still writing ends
                self.open_files -= 1

    def tunnel(self, host: str, port: int) -> Tunnel:
        """A connection of this machine."""
        self._check()
        return local_tunnel(host, port)

    def close(self) -> None:
        """Remember it."""
        self.is_closed = True

    def _check(self) -> None:
        if self.is_cut_off:
            raise Unreachable("the connection to the login node broke")
