"""Real receivers of notices on a port of this machine: one that behaves as it is told, over HTTP."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOOPBACK = "127.0.0.1"
LONGER_THAN_A_TEST_SECONDS = 60.0


@dataclass(frozen=True)
class Request:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[BaseHTTPRequestHandler], None]


class QuietServer(ThreadingHTTPServer):
    """A server that says nothing of connections that broke off."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing on stderr."""


@dataclass
class Receiver:
    """A receiver with its next answers, and the requests that it got."""

    port: int = 0
    answers: list[Answer] = field(default_factory=list)
    """One a request; after the last one all is well."""
    got: list[Request] = field(default_factory=list)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    over: threading.Event = field(default_factory=threading.Event)
    """Set at the end: what hangs stops."""

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{LOOPBACK}:{self.port}/hook"


def status(code: int, **headers: str) -> Answer:
    """An answer of this status and no more."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def raw(content: bytes) -> Answer:
    """These bytes, whatever they are, and the end of the connection."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(content)
        handler.close_connection = True

    return answer


@contextmanager
def receiver() -> Iterator[Receiver]:
    """An HTTP server that does as it is told."""
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        """Remembers each request, and gives the next answer."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            told.got.append(Request(self.path, dict(self.headers.items()), body))
            answer = told.answers.pop(0) if told.answers else status(204)
            told.arrived.release()
            answer(self)

        def log_message(self, *_: Any) -> None:
            """Nothing on stderr."""

    with QuietServer((LOOPBACK, 0), Handler) as server:
        told.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield told
        finally:
            told.over.set()
            server.shutdown()
            thread.join()


def hang(told: Receiver) -> Answer:
    """No answer at all, until the test is over."""

    def answer(_handler: BaseHTTPRequestHandler) -> None:
        told.over.wait(LONGER_THAN_A_TEST_SECONDS)

    return answer


def drip(told: Receiver, head: bytes) -> Answer:
    """A head, and then a byte now and then for ever."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(head)
        while not told.over.wait(0.05):
            handler.wfile.write(b"x")

    return answer


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])
