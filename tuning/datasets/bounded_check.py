"""Bounded check of an uploaded file: every byte of it is read by a process of its own.

A file is a program for its decoder: one line of 9 MB of `[],` keeps one in C busy for some twenty seconds, in which no
other thread of the server runs, and takes 600 MB. So it runs apart, in a process with a bound on its memory and time,
and whatever happens to it there is a finding here. Small files go the same way: no small size bounds the cost.
"""

import os
import signal
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from tuning.datasets.archive.contents import Contents, find_contents
from tuning.datasets.archive.members import Archive, read_members
from tuning.datasets.archive.packing import packed
from tuning.datasets.archive.placing import Placing, placed_lines
from tuning.datasets.check.layouts.formats import Wanted
from tuning.datasets.check.media import MediaFiles
from tuning.datasets.check.processes import ProcessLimits, Running, processes_here, running
from tuning.datasets.check.read.rows import MAX_ROW_BYTES
from tuning.datasets.check.read.tables import Table, json_lines
from tuning.datasets.check.run import CheckedFile, validate
from tuning.datasets.rows.preview import PreviewQuery, PreviewSource, preview_pieces
from tuning.errors import Finding, InvalidInput, Unavailable

_PIECE_BYTES = 256 * 1024
_MOST_READ_FOR_A_PREVIEW = 2 * MAX_ROW_BYTES
_SMALL_BYTES = 1024 * 1024
"""So small a file is read before others, since somebody waits for it."""
_HINT = "split it into shorter rows, leave out what training does not read, or ask the operator to raise "


@dataclass(frozen=True)
class CheckBounds:
    """Bounds of the check of one file: memory, processor time, wall time."""

    memory_bytes: int = 2 * 1024**3
    """The longest row that is allowed, if it is made of the smallest objects, takes half of it."""
    seconds: float = 60.0
    """Of processor time, for a file of any size."""
    bytes_per_second: int = 1_000_000
    """A larger file may take so much longer; the slowest that were found are read at this pace."""
    wall_seconds_each: float = 10.0
    """For each of them: a busy machine may give a process of low priority a tenth of a processor."""

    def cpu_seconds(self, size_bytes: int) -> int:
        """Limit of processor time for so many bytes."""
        return 1 + int(self.seconds + size_bytes / self.bytes_per_second)

    def limits(self, size_bytes: int) -> ProcessLimits:
        """Limits of the process that reads so many bytes."""
        cpu_seconds = self.cpu_seconds(size_bytes)
        if size_bytes <= _SMALL_BYTES:
            return ProcessLimits(self.memory_bytes, cpu_seconds, niceness=0)
        return ProcessLimits(self.memory_bytes, cpu_seconds)

    def wall_seconds(self, size_bytes: int) -> float:
        """Limit of wall time for so many bytes."""
        return self.cpu_seconds(size_bytes) * self.wall_seconds_each


class CheckCut(Unavailable):
    """The check was ended before its time (BoundedCheck.cut)."""

    def __init__(self) -> None:
        super().__init__("the check of the file was cut off", retry_after_seconds=10, hint="ask again: nothing is kept")


class BoundedCheck:
    """The check of one file, which any thread may cut. As a context manager: afterwards it cannot be used."""

    def __init__(self, file_name: str = "file", bounds: CheckBounds = CheckBounds()) -> None:
        """`file_name` is how its owner calls it."""
        self._file_name, self._bounds = file_name, bounds
        self._cut, self._uncut = Pipe(duplex=False)

    def cut(self) -> None:
        """End what runs, and all that would begin."""
        self._uncut.close()

    def validate(self, stream: BinaryIO, wanted: Wanted | None = None, media: MediaFiles | None = None) -> CheckedFile:
        """Check of tuning.datasets.check.run, in a process of its own.

        Raises InvalidInput for what it costs too, CheckCut, Unavailable.
        """
        checked: CheckedFile
        [checked] = self._told(_Work(_size(stream)), _validated, stream, wanted, media)
        return checked

    def contents(self, stream: BinaryIO, archive: Archive, most_bytes: int) -> Contents:
        """Contents of an archive (archive.contents). Raises as `validate` does."""
        found: Contents
        [found] = self._told(_Work(_size(stream)), _found, stream, archive, most_bytes)
        return found

    def member(self, stream: BinaryIO, archive: Archive, name: str, most_bytes: int) -> Generator[bytes, None, None]:
        """The bytes of one file of an archive. Raises what `validate` does."""
        yield from self._told(_Work(_size(stream), most_bytes), _read_member, stream, archive, name)

    def placed_lines(self, stream: BinaryIO, placing: Placing) -> Generator[bytes, None, None]:
        """Rows with the paths of media that came along (archive.placing). Raises what `validate` does."""
        yield from self._told(_Work(_size(stream)), _placed_lines, stream, placing)

    def packed(
        self, stream: BinaryIO, archive: Archive, lines: BinaryIO, placing: Placing, most_bytes: int
    ) -> Generator[bytes, None, None]:
        """The tar of rows and media (archive.packing). Raises what `validate` does."""
        work = _Work(_size(stream), most_bytes)
        yield from self._told(work, packed, stream, archive, _path(lines), placing)

    def json_lines(self, stream: BinaryIO, table: Table, most_bytes: int) -> Generator[bytes, None, None]:
        """The first `most_bytes` of the rows as JSON lines (check.read.tables). Raises what `validate` does."""
        yield from self._told(_Work(_size(stream), most_bytes), _converted, stream, table)

    def preview(self, stream: BinaryIO, about: PreviewSource, wish: PreviewQuery) -> bytes:
        """The answer of tuning.datasets.rows.preview, as JSON. Raises what `validate` does."""
        size_bytes = min(_size(stream), _MOST_READ_FOR_A_PREVIEW)
        return b"".join(self._told(_Work(size_bytes), preview_pieces, stream, about, wish))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._uncut.close()
        self._cut.close()

    def _told(
        self, work: "_Work", step: Callable[..., Iterable[Any]], stream: BinaryIO, *arguments: object
    ) -> Iterator[Any]:
        """Each thing that the step yields, in a process of its own, for what can be read from a stream."""
        limits = self._bounds.limits(work.most_bytes)
        with running(_tell, step, _source(stream), *arguments, limits=limits, ends_children=True) as process:
            while not isinstance(item := self._received(process, work, limits), _End):
                yield item
        if item.is_out_of_memory:
            raise self._refused(f"more than {limits.memory_bytes} bytes of memory at once", "memory_bytes")
        if item.findings:
            raise InvalidInput(item.findings)

    def _received(self, process: Running, work: "_Work", limits: ProcessLimits) -> Any:
        most_seconds = self._bounds.wall_seconds(work.size_bytes)
        began = time.monotonic()
        ready = wait([process.receiver, self._cut], max(0.0, most_seconds - work.waited_seconds))
        work.waited_seconds += time.monotonic() - began
        if self._cut in ready:
            raise CheckCut
        if not ready:
            raise self._refused(f"longer than {most_seconds:.0f} s", "seconds")
        try:
            item = process.receiver.recv()
        except (EOFError, OSError) as error:  # OSError where it ended in the middle of a piece
            process.process.join()
            raise self._why_ended(process.process.exitcode, limits) from error
        work.size_bytes += len(item) if isinstance(item, bytes) else 0
        return item

    def _why_ended(self, exit_code: int | None, limits: ProcessLimits) -> Exception:
        if exit_code == -signal.SIGXCPU:
            return self._refused(f"more than {limits.cpu_seconds} s of processor time", "seconds")
        if exit_code == -signal.SIGKILL:
            hint = "send it again later; if it stays so, tell the operator: the server may have too little memory"
            message = f"the server's system ended the check of {self._file_name!a}"
            return Unavailable(message, retry_after_seconds=60, hint=hint)
        if exit_code is not None and exit_code < 0:
            message = f"{self._file_name!a} cannot be read: its reader ended with signal {-exit_code}"
            return InvalidInput([Finding(("file",), message, "write it anew, and tell the operator of it")])
        return RuntimeError(f"the check of a file ended with {exit_code}; what it said is in the server's log")

    def _refused(self, what: str, setting: str) -> InvalidInput:
        message = f"to check {self._file_name!a} takes {what}, which is the limit for a file of its size"
        return InvalidInput([Finding(("file",), message, f"{_HINT}PACKTRAIN_CHECK_{setting.upper()}")])


@dataclass
class _Work:
    """Progress of a check: bytes read and told, and the time that was waited for."""

    size_bytes: int
    """Read, and told since."""
    most_bytes: int = 0
    waited_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.most_bytes = max(self.most_bytes, self.size_bytes)


@dataclass(frozen=True)
class _End:
    """The last thing that a process tells."""

    findings: Sequence[Finding] = ()
    is_out_of_memory: bool = False


def _size(stream: BinaryIO) -> int:
    return len(stream.getbuffer()) if isinstance(stream, BytesIO) else os.fstat(stream.fileno()).st_size


def _source(stream: BinaryIO) -> str | bytes:
    """Path (or content) by which another process opens a stream."""
    return stream.getvalue() if isinstance(stream, BytesIO) else _path(stream)


def _path(stream: BinaryIO) -> str:
    """The file may have no name any more."""
    return f"/proc/{os.getpid()}/fd/{stream.fileno()}"


def _tell(
    sender: "Connection[Any, None]", step: Callable[..., Iterable[Any]], source: str | bytes, *arguments: object
) -> None:
    try:
        with BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb", buffering=1024 * 1024) as stream:
            for item in step(stream, *arguments):
                sender.send(item)
        end = _End()
    except InvalidInput as error:
        end = _End(error.findings)
    except MemoryError:
        end = _End(is_out_of_memory=True)
    sender.send(end)


def _validated(stream: BinaryIO, wanted: Wanted | None, media: MediaFiles | None) -> Iterator[CheckedFile]:
    yield validate(stream, wanted, processes=processes_here(), media=media)


def _found(stream: BinaryIO, archive: Archive, most_bytes: int) -> Iterator[Contents]:
    yield find_contents(stream, archive, most_bytes)


def _read_member(stream: BinaryIO, archive: Archive, name: str) -> Iterator[bytes]:
    with closing(read_members(stream, archive, frozenset((name,)))) as members:
        for _, pieces in members:
            yield from pieces


def _placed_lines(stream: BinaryIO, placing: Placing) -> Iterator[bytes]:
    yield from _in_pieces(placed_lines(stream, placing))


def _converted(stream: BinaryIO, table: Table) -> Iterator[bytes]:
    with closing(json_lines(stream, table)) as lines:
        yield from _in_pieces(lines)


def _in_pieces(lines: Iterable[bytes]) -> Iterator[bytes]:
    piece = bytearray()
    for line in lines:
        piece += line
        if len(piece) >= _PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)
