"""The small files that a batch script leaves (templates/sbatch/train.sh.j2): bytes in, values out.

A run may write what it likes beside them; whatever is not of the expected form is None or left out, never an error.
So is what no run has: an exit code above 255, a moment that no calendar has, a file larger than any disk.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tuning.moments import LATEST_EPOCH
from tuning.slurm.answers import LARGEST_SLURM_JOB_ID
from tuning.storable import LARGEST_INTEGER

_LINE = re.compile(rb"([a-z_]+)=([^\n]{0,300})")
_SUM = re.compile(rb"([0-9a-f]{64})  /")
_NODE = re.compile(r"[A-Za-z0-9._-]{1,255}")
_LARGEST_EXIT_CODE = 255
_LARGEST_FILE_BYTES = 2**60
"""An EiB: more than any disk of these years holds."""
_LEAST_PORT, _LARGEST_PORT = 1024, 65_535
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
class ServingRecord:
    """`serving`: where a model is talked to, by the host's word; its port by that of the program in the container."""

    start: StartRecord
    address: str
    port: int


@dataclass(frozen=True)
class OwnerRecord:
    """`owner` in the root: the installation that drives the cluster, and its newest sign of life."""

    installation: str
    sign: str
    driver: str
    """Its worker: HOST:PID."""


def parse_owner(text: bytes) -> OwnerRecord | None:
    """The record of a root's owner; None where there is none."""
    fields = _fields(text)
    return (
        OwnerRecord(fields.get("installation", ""), fields["sign"], fields.get("by", "")) if "sign" in fields else None
    )


def parse_started(text: bytes) -> StartRecord | None:
    """The record of a start; None when it is not whole."""
    fields = _fields(text)
    slurm_job_id = _whole(fields.get("slurm_job_id"), LARGEST_SLURM_JOB_ID)
    restart, epoch = _whole(fields.get("restart"), LARGEST_INTEGER), _whole(fields.get("epoch"), LATEST_EPOCH - 1)
    if slurm_job_id is None or restart is None or epoch is None:
        return None
    node = fields.get("node", "")
    return StartRecord(slurm_job_id, restart, node if _NODE.fullmatch(node) else "", epoch)


def parse_exit(text: bytes) -> ExitRecord | None:
    """The record of an end; None when it is not whole."""
    started, exit_code = parse_started(text), _whole(_fields(text).get("exit_code"), _LARGEST_EXIT_CODE)
    if started is None or exit_code is None:
        return None
    was_stopped = _fields(text).get("stopped") == "yes"
    told = {stream: _whole(_fields(text).get(f"{stream}_bytes"), _LARGEST_FILE_BYTES) for stream in STREAMS}
    sizes = {stream: size for stream, size in told.items() if size is not None}
    since = _whole(_fields(text).get("files_since"), LATEST_EPOCH - 1)
    return ExitRecord(
        started.slurm_job_id, started.restart, started.node, started.epoch, exit_code, was_stopped, since, sizes
    )


def parse_serving(text: bytes) -> ServingRecord | None:
    """The record of a served model; None when it is not whole, or says no place that could be one."""
    start, fields = parse_started(text), _fields(text)
    port, address = _whole(fields.get("port"), _LARGEST_PORT), fields.get("address", "")
    if start is None or port is None or port < _LEAST_PORT or not _NODE.fullmatch(address):
        return None
    return ServingRecord(start, address, port)


def parse_data_sums(text: bytes) -> tuple[str, ...]:
    """`data-sums`: the SHA-256 of each file of the cluster's own data, in the order of the script's."""
    found = (_SUM.match(line) for line in text.split(b"\n"))
    return tuple(match[1].decode() for match in found if match)


def parse_resumed(text: bytes) -> int | None:
    """`resumed`: the step of the checkpoint that an attempt goes on from, 0 when it begins anew; None = not whole."""
    return _whole(_fields(text).get("step"), LARGEST_INTEGER)


def _fields(text: bytes) -> dict[str, str]:
    pairs = (_LINE.fullmatch(line) for line in text.split(b"\n"))
    return {pair[1].decode(): pair[2].decode("utf-8", "replace") for pair in pairs if pair}


def _whole(text: str | None, most: int) -> int | None:
    number = int(text) if text is not None and re.fullmatch(r"[0-9]{1,19}", text) else None
    return number if number is not None and number <= most else None
