"""A host that takes connections, says so much, and closes them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def hanging_up(says: bytes = b"") -> Iterator[int]:
    """Its port on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_take_and_close, args=(listener, says), daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def _take_and_close(listener: socket.socket, says: bytes) -> None:
    with suppress(OSError):
        while True:
            taken, _ = listener.accept()
            with taken:
                taken.sendall(says)
