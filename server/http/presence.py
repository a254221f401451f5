"""Work for a client that may go away: it ends when the client does."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from anyio import CancelScope
from starlette.types import Receive

Done = TypeVar("Done")


async def while_present(receive: Receive, work: Coroutine[Any, Any, Done]) -> Done | None:
    """The result of the work, or None where the client left before: then it is cancelled.

    The whole of the request's body has to be read already. Raises what the work does.
    """
    watch, task = asyncio.create_task(_wait_for_leaving(receive)), asyncio.create_task(work)
    try:
        await asyncio.wait({watch, task}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        watch.cancel()
        task.cancel()
        await asyncio.gather(watch, task, return_exceptions=True)


async def cancel_when_gone(receive: Receive, scope: CancelScope) -> None:
    """Wait for the client to leave, and cancel the scope then."""
    await _wait_for_leaving(receive)
    scope.cancel()


async def _wait_for_leaving(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
