"""Checks and previews of data files for requests: in turn, and ended early with their request or the server."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from anyio import CancelScope
from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from server.http.bounds.shares import Turns
from tuning.datasets.bounded_check import BoundedCheck, CheckBounds
from tuning.errors import Unavailable

Made = TypeVar("Made")


class FileChecks:
    """So many checks and as many previews at once, of each person one. For the event loop alone."""

    def __init__(self, bounds: CheckBounds, at_once: int) -> None:
        """`bounds` hold for each."""
        self._bounds = bounds
        self.checking, self.previewing = Turns(at_once), Turns(at_once)
        self._cuts: set[Callable[[], None]] = set()
        self._is_stopping = False

    def stop(self) -> None:
        """The server stops: cut everything off, and let nothing begin."""
        self._is_stopping = True
        for cut in list(self._cuts):
            cut()

    @contextmanager
    def until_stop(self) -> Iterator[None]:
        """A block that is cut off when the server stops. Raises Unavailable then."""
        with CancelScope() as scope, self._cut_at_stop(scope.cancel):
            yield
        if scope.cancelled_caught:
            raise _stopping()

    async def run(
        self, request: Request, turns: Turns, person: tuple[str, str], work: Callable[[BoundedCheck], Made]
    ) -> Made:
        """Result of `work`, done in a thread once it is the turn of `person` (id of the user, name of the file).

        Nothing more of the request may be waited for. Raises Unavailable when it is cut, and what the work raises.
        """
        user_id, file_name = person
        with BoundedCheck(file_name, self._bounds) as check, self._cut_at_stop(check.cut):
            watching = asyncio.create_task(_cut_when_gone(request, check))
            try:
                async with turns.turn(user_id):
                    return await run_in_threadpool(work, check)
            finally:
                watching.cancel()

    @contextmanager
    def _cut_at_stop(self, cut: Callable[[], None]) -> Iterator[None]:
        if self._is_stopping:
            raise _stopping()
        self._cuts.add(cut)
        try:
            yield
        finally:
            self._cuts.remove(cut)


async def _cut_when_gone(request: Request, check: BoundedCheck) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    check.cut()


def _stopping() -> Unavailable:
    return Unavailable("the server stops; nothing was kept", retry_after_seconds=10, hint="send it again in a moment")
