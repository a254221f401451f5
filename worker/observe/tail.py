"""Reads of growing files: which bytes, in fair shares, and the position behind them. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tuning.jobs.layout import stream_paths
from tuning.jobs.output.growth import Position
from tuning.jobs.queries.driver import LiveAttempt
from tuning.slurm.cluster import FileStat, ReadRequest

TRAINER_LOG_BYTES = 1024 * 1024
"""At most so much of one trainer_log.jsonl in a cycle; the rest comes with the next."""
LOG_BYTES = 256 * 1024
"""At most so much of stdout or stderr: of a flood only the end is kept here, all of it stays on the cluster."""
LOG_LIMIT_BYTES = 256 * 1024 * 1024
"""So much of one trainer_log.jsonl is read in all, a million lines: of a sparse file no worker would see the end."""
MAX_BAD_LINES = 2**31 - 1
"""The database counts them in 32 bits."""
CYCLE_BYTES = 32 * 1024 * 1024
"""At most so much in one cycle over all jobs."""


@dataclass(frozen=True)
class TailRead:
    """A part of one stream of one attempt that is to be read."""

    job_id: str
    number: int
    stream: str
    request: ReadRequest
    stat: FileStat


def plan_reads(root: str, attempts: Iterable[LiveAttempt], files: Mapping[str, FileStat]) -> list[TailRead]:
    """Reads of what has grown, in fair shares of the cycle's bytes; the rest comes with the next cycle."""
    wanted = [read for attempt in attempts for read in _grown(root, attempt, files)]
    shares = _fair_shares([read.request.length for read in wanted], CYCLE_BYTES)
    return [
        replace(read, request=replace(read.request, length=share))
        for read, share in zip(wanted, shares, strict=True)
        if share > 0
    ]


def moved(read: TailRead, consumed_bytes: int, bad_lines: int, old: Position | None) -> Position:
    """The position after `consumed_bytes` of a read were taken in."""
    return Position(
        inode=read.stat.inode,
        size_bytes=read.request.offset + read.request.length,
        offset_bytes=read.request.offset + consumed_bytes,
        bad_lines=min((old.bad_lines if old else 0) + bad_lines, MAX_BAD_LINES),
    )


def is_read_to_end(root: str, attempt: LiveAttempt, files: Mapping[str, FileStat], reads: Iterable[TailRead]) -> bool:
    """Whether after these reads nothing of the training log is left: an ended run is judged only then."""
    path = stream_paths(root, attempt.job_id, attempt.number)["trainer_log"]
    stat = files.get(path)
    if stat is None:
        return True
    ends = [read.request.offset + read.request.length for read in reads if read.request.path == path]
    position = attempt.positions.get("trainer_log")
    seen = position.size_bytes if position and position.inode == stat.inode else 0
    return max([seen, *ends]) >= min(stat.size_bytes, LOG_LIMIT_BYTES)


def is_all_there(root: str, attempt: LiveAttempt, files: Mapping[str, FileStat], told: Mapping[str, int]) -> bool:
    """Whether the growing files are seen as long as the run's own record says that they were at its end."""
    paths = stream_paths(root, attempt.job_id, attempt.number)
    seen = {stream: files[path].size_bytes for stream, path in paths.items() if path in files}
    return all(seen.get(stream, 0) >= size for stream, size in told.items())


def _grown(root: str, attempt: LiveAttempt, files: Mapping[str, FileStat]) -> Iterator[TailRead]:
    for stream, path in stream_paths(root, attempt.job_id, attempt.number).items():
        stat = files.get(path)
        request = _request(stream, path, stat, attempt.positions.get(stream)) if stat else None
        if stat and request:
            yield TailRead(attempt.job_id, attempt.number, stream, request, stat)


def _fair_shares(wanted: Sequence[int], total: int) -> list[int]:
    """Shares of a total: nobody gets more than another who still wants some, so a flood takes nobody's part."""
    shares, left = [0] * len(wanted), total
    for done, index in enumerate(sorted(range(len(wanted)), key=wanted.__getitem__)):
        shares[index] = min(wanted[index], left // (len(wanted) - done))
        left -= shares[index]
    return shares


def _request(stream: str, path: str, stat: FileStat, position: Position | None) -> ReadRequest | None:
    end = stat.size_bytes if stream != "trainer_log" else min(stat.size_bytes, LOG_LIMIT_BYTES)
    if position and position.inode == stat.inode and position.size_bytes == end:
        return None  # as it was: a half line that is held back is not fetched again and again
    start = _start(stat, position)
    if stream != "trainer_log":
        start = max(start, stat.size_bytes - LOG_BYTES)
    length = min(end - start, TRAINER_LOG_BYTES)
    return ReadRequest(path, start, length) if length > 0 else None


def _start(stat: FileStat, position: Position | None) -> int:
    """From the start again when it is another file, or was cut shorter."""
    if position is None or position.inode != stat.inode or stat.size_bytes < position.size_bytes:
        return 0
    return position.offset_bytes
