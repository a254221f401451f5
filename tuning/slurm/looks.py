"""Looks at a cluster: its queue, its files, and its word on a job that nobody submits."""

from collections.abc import Mapping
from dataclasses import dataclass

from tuning.errors import ClusterError
from tuning.slurm.answers import FileStat, QueuedJob


@dataclass(frozen=True)
class Trial:
    """Slurm's answer to a trial of a job. Neither a wait nor an error: it gave no answer."""

    wait_seconds: float | None = None
    """Until it would start."""
    error: ClusterError | None = None


@dataclass(frozen=True)
class Observation:
    """One look at the queue and at files."""

    queue: Mapping[int, QueuedJob] | None
    """None: squeue gave no answer, nothing can be told."""
    queue_error: str | None
    files: Mapping[str, FileStat]
    """Those that exist."""
    clock_epoch: float
    refused: frozenset[str] = frozenset()
    """Paths at which there is a link, or something else that is no file of ours."""
    has_root: bool = True
    """False: our folder is away, so that a file which is not seen says nothing."""


@dataclass(frozen=True)
class ReadAnswer:
    """Ranges of files, by path."""

    contents: Mapping[str, bytes]
    """Of those that exist."""
    refused: frozenset[str] = frozenset()
    """As in Observation."""


@dataclass(frozen=True)
class ReadRequest:
    """A range of a remote file."""

    path: str
    offset: int
    length: int
