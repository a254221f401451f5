"""Silences in a stream of items, told so that a reader hears something meanwhile."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from anyio import CancelScope

Item = TypeVar("Item")


async def with_silences(items: AsyncIterator[Item], seconds: float) -> AsyncGenerator[Item | None, None]:
    """The items, and None each time that the next one was not there for so long. To be closed by who leaves early."""
    task: asyncio.Task[Item | None] | None = None
    try:
        while True:
            task = asyncio.create_task(_next(items))
            while not (await asyncio.wait({task}, timeout=seconds))[0]:
                yield None
            item = task.result()
            if item is None:
                return
            yield item
    finally:
        if task is not None and not task.done():
            task.cancel()
            with CancelScope(shield=True):  # until it has ended, the items cannot be closed
                await asyncio.wait({task})


async def _next(items: AsyncIterator[Item]) -> Item | None:
    return await anext(items, None)
