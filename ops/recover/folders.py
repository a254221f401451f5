"""Texts of jobs' folders on a cluster, by bounded reads that follow no link."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tuning.jobs.attempt.job_record import MAX_RECORD_BYTES
from tuning.jobs.layout import CONFIG_FILE, DATASET_INFO_FILE, JOB_RECORD_FILE, JOB_SCRIPT, attempt_directory
from tuning.slurm.attempt_listing import ListedAttempt
from tuning.slurm.cluster import Cluster, ReadRequest

ATTEMPTS_AT_ONCE = 50
"""So many folders are read in one command, at most a few hundred kB each as they usually are."""
MOST_ATTEMPTS = 200
"""Of one job; of more the oldest are left out."""
_RECORD_BYTES = 4096
_TEXT_BYTES = 512 * 1024
"""A configuration has at most 64 Ki characters; a script some 10 kB and what it lists."""
_SIZES: Mapping[str, int] = {
    JOB_RECORD_FILE: MAX_RECORD_BYTES,
    CONFIG_FILE: _TEXT_BYTES,
    DATASET_INFO_FILE: MAX_RECORD_BYTES,
    JOB_SCRIPT: _TEXT_BYTES,
    "started": _RECORD_BYTES,
    "exit": _RECORD_BYTES,
}


@dataclass(frozen=True)
class AttemptFolder:
    """Folder of one attempt."""

    listed: ListedAttempt
    texts: Mapping[str, bytes]
    """Of those of its files that are there, by their names."""
    refused: tuple[str, ...] = ()
    """Names at which there is a link, or something else that is no file of ours."""

    @property
    def number(self) -> int:
        """The attempt's."""
        return self.listed.number

    def text(self, name: str) -> str:
        """A file's text; "" where there is none."""
        return self.texts.get(name, b"").decode("utf-8", "replace")


@dataclass(frozen=True)
class JobFolder:
    """Folder of a job: its attempts, by their numbers."""

    job_id: str
    attempts: tuple[AttemptFolder, ...]


def read_folders(cluster: Cluster, root: str, listed: Sequence[ListedAttempt]) -> list[JobFolder]:
    """The folders of these attempts, by job. One command for each 50. Raises ClusterError."""
    found: dict[str, list[AttemptFolder]] = {}
    wanted = _newest(listed)
    for start in range(0, len(wanted), ATTEMPTS_AT_ONCE):
        for folder in _read(cluster, root, wanted[start : start + ATTEMPTS_AT_ONCE]):
            found.setdefault(folder.listed.job_id, []).append(folder)
    return [
        JobFolder(job_id, tuple(sorted(folders, key=lambda folder: folder.number))) for job_id, folders in found.items()
    ]


def _newest(listed: Sequence[ListedAttempt]) -> list[ListedAttempt]:
    by_job: dict[str, list[ListedAttempt]] = {}
    for attempt in sorted(listed, key=lambda attempt: attempt.number):
        by_job.setdefault(attempt.job_id, []).append(attempt)
    return [attempt for attempts in by_job.values() for attempt in attempts[-MOST_ATTEMPTS:]]


def _read(cluster: Cluster, root: str, listed: Sequence[ListedAttempt]) -> Iterator[AttemptFolder]:
    places = [attempt_directory(root, attempt.job_id, attempt.number) for attempt in listed]
    answer = cluster.read(
        [ReadRequest(f"{place}/{name}", 0, most) for place in places for name, most in _SIZES.items()]
    )
    for attempt, place in zip(listed, places, strict=True):
        texts = {name: answer.contents[f"{place}/{name}"] for name in _SIZES if f"{place}/{name}" in answer.contents}
        refused = tuple(name for name in _SIZES if f"{place}/{name}" in answer.refused)
        yield AttemptFolder(attempt, texts, refused)
