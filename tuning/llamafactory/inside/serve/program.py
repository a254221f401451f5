"""Start of a served model: loads it, listens, tells the port, and answers until it is told to end."""

import asyncio
import hmac
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvicorn
import yaml
from llamafactory.api.app import create_app
from llamafactory.chat import ChatModel

from .answers import add_routes
from .generation import follow_generations

_GRACE_SECONDS = 5
_SPARE_THREADS = 8
"""Beside one for each answer that is generated."""
_Application = Callable[[Any, Any, Any], Awaitable[None]]


def main(arguments: Sequence[str]) -> int:
    """Serve; for a process of its own."""
    config, record, address = arguments
    model = ChatModel(yaml.safe_load(Path(config).read_text(encoding="utf-8")))
    follow_generations(model.engine.model)
    app = create_app(model)
    add_routes(app, model)
    with _listening(address) as listener:
        _tell_port(Path(record), listener.getsockname()[1])
        asyncio.run(_serve(_with_key(app, os.environ["API_KEY"]), listener))
    return 0


def _listening(address: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family)
    listener.bind((address, 0))
    listener.listen(128)
    return listener


def _tell_port(record: Path, port: int) -> None:
    part = record.with_suffix(".part")
    part.write_text(f"{port}\n")
    part.replace(record)


async def _serve(app: _Application, listener: socket.socket) -> None:
    threads = int(os.environ["MAX_CONCURRENT"]) + _SPARE_THREADS
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads))
    how = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=_GRACE_SECONDS)
    await uvicorn.Server(how).serve(sockets=[listener])


def _with_key(app: _Application, key: str) -> _Application:
    """Before anything of a request is read: others on the node reach the port too."""
    wanted = f"Bearer {key}".encode()

    async def gate(scope: Any, receive: Any, send: Any) -> None:
        given = dict(scope.get("headers", ())).get(b"authorization", b"")
        if scope["type"] == "lifespan" or hmac.compare_digest(given, wanted):
            await app(scope, receive, send)
        elif scope["type"] == "http":
            head = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 401, "headers": head})
            await send({"type": "http.response.body", "body": b'{"detail": "Invalid API key."}'})

    return gate
