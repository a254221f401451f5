"""A large file of alike rows, read by several processes at once: each reads a part of it, and counts for itself.

The first piece of a file has settled by then what its rows are like. Where any other row is met, or one about which
there is something to say, nothing of this is used: the file is read on in its order, since each row's result and place
may depend on those before it.

The processes agree on what hash() says of a text (tuning.datasets.check.processes), which Repeats compares rows by.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import BinaryIO

from tuning.datasets.check.layouts.converters import Judge
from tuning.datasets.check.processes import running
from tuning.datasets.check.read.alike_rows import AlikeReader, Shape
from tuning.datasets.check.read.decoding import decode_quickly
from tuning.datasets.check.read.line_rows import BLOCK_BYTES
from tuning.datasets.check.read.rows import MAX_ROW_BYTES
from tuning.datasets.check.stats.totals import Contents

log = logging.getLogger(__name__)

FEWEST_BYTES = 64 * 1024 * 1024
"""To start the processes takes as long as to read some 20 MB."""


@dataclass(frozen=True)
class Part:
    """The lines that begin in these bytes of a file, each of which must be a good row of this shape."""

    path: str
    start: int
    end: int
    judge: Judge
    """It knows the sequences of roles that the first piece had."""
    shape: Shape


@dataclass(frozen=True)
class Counted:
    """Number and contents of rows that are all good."""

    rows: int
    contents: Contents


def count_in_parts(stream: BinaryIO, judge: Judge, shape: Shape, processes: int) -> Counted | None:
    """The whole of an open file; None where it is small, or any of its rows has to be looked at by itself."""
    size = os.fstat(stream.fileno()).st_size
    if size < FEWEST_BYTES:
        return None
    path = f"/proc/{os.getpid()}/fd/{stream.fileno()}"  # it may have no name any more
    step = -(-size // processes)
    parts = [Part(path, start, min(size, start + step), judge, shape) for start in range(0, size, step)]
    with ExitStack() as reading:
        told = _all_told([reading.enter_context(running(_tell, part)).receiver for part in parts])
    return _sum(told) if told is not None else None


def count_part(part: Part) -> Counted | None:
    """One part; None where a row is not certain to be good."""
    reader, rows = AlikeReader(part.shape), 0
    contents = Contents(begins_file=part.start == 0)
    with Path(part.path).open("rb") as stream:
        for block in _blocks(stream, part):
            alike = reader.read(block)
            if alike is None:
                return None
            good = part.judge.all_good(alike)
            if good is not None:
                contents.keep_all(good)
            elif not _keep_each(block, part.judge, contents):
                return None
            rows += len(alike)
    return Counted(rows, contents)


def _keep_each(block: bytes, judge: Judge, contents: Contents) -> bool:
    """Whether these rows are good one by one: a judge learns a sequence of roles from the first row that has it."""
    for line in block.removesuffix(b"\n").split(b"\n"):
        row = decode_quickly(line)
        if row is None or (result := judge(row)).reason is not None:
            return False
        contents.see(result)
        contents.keep(result)
    return True


def _blocks(stream: BinaryIO, part: Part) -> Iterator[bytes]:
    """Whole lines; of one that is too long, so much as shows it."""
    if part.start:
        stream.seek(part.start - 1)
        stream.readline(MAX_ROW_BYTES + 1)  # it began in the part before
    while (left := part.end - stream.tell()) > 0:
        block = stream.read(min(BLOCK_BYTES, left))
        yield block if block.endswith(b"\n") else block + stream.readline(MAX_ROW_BYTES + 1)


def _tell(sender: "Connection[Counted | None, None]", part: Part) -> None:
    sender.send(count_part(part))


def _all_told(receivers: "Sequence[Connection[None, Counted | None]]") -> list[Counted] | None:
    """In their order; None as soon as one has met another row."""
    told: dict[int, Counted] = {}
    while left := [part for number, part in enumerate(receivers) if number not in told]:
        for ready in wait(left):
            number = receivers.index(ready)
            try:
                counted = receivers[number].recv()
            except EOFError:
                log.warning("a process that checked a part of a data set ended early: one reads all of it")
                return None
            if counted is None:
                return None
            told[number] = counted
    return [told[number] for number in range(len(receivers))]


def _sum(told: Sequence[Counted]) -> Counted:
    contents = told[0].contents
    for part in told[1:]:
        contents.merge(part.contents)
    return Counted(sum(part.rows for part in told), contents)
