"""Processes that read data files, forked from one that has a single thread (multiprocessing's forkserver).

So they agree on what hash() says of a text, and whoever has threads can ask for them. The modules that they need are
imported once, by the process that they are forked from: to start one takes some ten milliseconds.
"""

import fcntl
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import forkserver, get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from typing import Any

MOST_PROCESSES = 4


@dataclass(frozen=True)
class ProcessLimits:
    """Limits of a process; those that it starts inherit them, each for itself. None = as this one."""

    memory_bytes: int | None = None
    """Of address space."""
    cpu_seconds: int | None = None
    niceness: int = 10
    """By default whoever waits for an answer of the server comes first."""


@dataclass(frozen=True)
class Running:
    """A process, and the end of a pipe where what it tells is received."""

    receiver: "Connection[None, Any]"
    process: ForkServerProcess


def processes_here() -> int:
    """Number of processes for the check of one file: as many as there are processors, within reason."""
    return min(MOST_PROCESSES, len(os.sched_getaffinity(0)))


def warm_up(*modules: str) -> None:
    """Start the process that others are forked from, if there is none yet; it imports these modules meanwhile."""
    forkserver.set_forkserver_preload(list(modules))
    forkserver.ensure_running()


@contextmanager
def running(
    work: Callable[..., None],
    *arguments: object,
    limits: ProcessLimits = ProcessLimits(),
    ends_children: bool = False,
) -> Iterator[Running]:
    """A process that calls `work` with the sending end of its pipe and the arguments; it ends with the block.

    It ends as well when this process does, however that ends. Only with `ends_children` it may have some of its own.
    """
    warm_up(work.__module__)
    context = get_context("forkserver")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(limits, work, sender, *arguments), daemon=not ends_children)
    process.start()
    sender.close()
    try:
        with receiver:
            yield Running(receiver, process)
    finally:
        process.kill()
        process.join()
        process.close()


def _work(limits: ProcessLimits, work: Callable[..., None], *arguments: object) -> None:
    _end_with_parent()
    _apply(limits)
    work(*arguments)


def _end_with_parent() -> None:
    """Let the kernel end this process when who asked for it has gone: a decoder in C would not listen to a thread.

    Nothing is written to the sentinel's pipe: it becomes readable by being closed, which is told by SIGIO.
    """
    parent = parent_process()
    if parent is None:
        raise RuntimeError("this is a process that nobody asked for")
    fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, fcntl.fcntl(parent.sentinel, fcntl.F_GETFL) | os.O_ASYNC)
    if wait([parent.sentinel], timeout=0):
        os._exit(1)


def _apply(limits: ProcessLimits) -> None:
    os.nice(max(0, limits.niceness - os.nice(0)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for kind, value in ((resource.RLIMIT_AS, limits.memory_bytes), (resource.RLIMIT_CPU, limits.cpu_seconds)):
        if value is not None:
            _bound(kind, value)


def _bound(kind: int, value: int) -> None:
    """The soft limit: the reader of Parquet sets hard ones for itself, which may be higher."""
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
