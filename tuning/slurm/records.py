"""The small files that a batch script leaves (templates/sbatch/train.sh.j2): bytes in, values out.

A run may write what it likes beside them; whatever is not of the expected form is None or left out, never an error.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_LINE = re.compile(rb"([a-z_]+)=([^\n]{0,300})")
MAX_FILES = 20_000
STREAMS = ("trainer_log", "stdout", "stderr")
"""The growing files of an attempt."""


@dataclass(frozen=True)
class StartRecord:
    """`started`: who claimed the attempt."""

    slurm_job_id: int
    restart: int
    node: str
    epoch: float


@dataclass(frozen=True)
class ExitRecord:
    """`exit`: the first witness of the end."""

    slurm_job_id: int
    restart: int
    node: str
    finished_epoch: float
    exit_code: int
    was_stopped: bool = False
    """It had been asked to save a checkpoint and end."""
    files_since_epoch: float | None = None
    """When it started by the clock of the file system, which may be another than the node's."""
    stream_bytes: Mapping[str, int] = field(default_factory=dict)
    """How long its growing files (stdout, stderr, trainer_log) were at the end, where that was told."""


@dataclass(frozen=True)
class OutputFile:
    """One file of the output folder."""

    path: str
    """Relative to the folder; never climbing out of it."""
    size_bytes: int
    modified_epoch: float


def parse_started(text: bytes) -> StartRecord | None:
    """The record of a start; None when it is not whole."""
    fields = _fields(text)
    slurm_job_id, restart, epoch = (_whole(fields.get(name)) for name in ("slurm_job_id", "restart", "epoch"))
    if slurm_job_id is None or restart is None or epoch is None:
        return None
    return StartRecord(slurm_job_id, restart, fields.get("node", ""), epoch)


def parse_exit(text: bytes) -> ExitRecord | None:
    """The record of an end; None when it is not whole."""
    started, exit_code = parse_started(text), _whole(_fields(text).get("exit_code"))
    if started is None or exit_code is None:
        return None
    was_stopped = _fields(text).get("stopped") == "yes"
    told = {stream: _whole(_fields(text).get(f"{stream}_bytes")) for stream in STREAMS}
    sizes = {stream: size for stream, size in told.items() if size is not None}
    since = _whole(_fields(text).get("files_since"))
    return ExitRecord(
        started.slurm_job_id, started.restart, started.node, started.epoch, exit_code, was_stopped, since, sizes
    )


def parse_resumed(text: bytes) -> int:
    """`resumed`: the step of the checkpoint that an attempt goes on from; 0 when it begins anew."""
    return _whole(_fields(text).get("step")) or 0


def parse_files(listing: bytes) -> tuple[OutputFile, ...]:
    """The listing of an output folder: NUL-ended entries of size, time and path (`find -printf '%s %T@ %P\\0'`)."""
    whole = listing[: listing.rfind(b"\0") + 1]
    found = (_file(entry) for entry in whole.split(b"\0")[:MAX_FILES])
    return tuple(file for file in found if file is not None)


def _fields(text: bytes) -> dict[str, str]:
    pairs = (_LINE.fullmatch(line) for line in text.split(b"\n"))
    return {pair[1].decode(): pair[2].decode("utf-8", "replace") for pair in pairs if pair}


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,18}", text) else None


def _file(entry: bytes) -> OutputFile | None:
    size, _, rest = entry.partition(b" ")
    modified, _, path = rest.partition(b" ")
    try:
        size_bytes, modified_epoch, name = int(size), float(modified), path.decode("utf-8")
    except ValueError:
        return None
    is_inside = bool(name) and not name.startswith("/") and ".." not in name.split("/")
    is_plain = name.isprintable() and len(name) <= 1000
    if size_bytes < 0 or not math.isfinite(modified_epoch) or not is_inside or not is_plain:
        return None
    return OutputFile(name, size_bytes, modified_epoch)
