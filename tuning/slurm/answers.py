"""Parsers of Slurm's answers: bytes in, values out. Pure.

The layouts are those that tuning.slurm.programs.remote_scripts asks for; tests/transcripts has recorded ones.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tuning.errors import ClusterError, Unreachable
from tuning.moments import LATEST_EPOCH
from tuning.slurm.command_errors import refusal_of, slurm_trouble
from tuning.ssh.transport import Completed
from tuning.storable import LARGEST_BIGINT, storable_line

SEPARATOR = "\x1f"
_UNSIGNED = re.compile(r"[0-9]{1,20}")
_EPOCH = re.compile(r"[0-9]{1,10}(\.[0-9]{1,9})?")
NamedJob = tuple[int, str]
"""A Slurm job's id and its name. The id alone is used again, by a controller that has lost its state."""

LARGEST_SLURM_JOB_ID = 2**32 - 1
"""Slurm counts its jobs in 32 bits."""
_MAX_STATE_CHARACTERS = 32
_MAX_WORDS_CHARACTERS = 1000
"""Of a reason, or of a list of nodes."""
ABANDONED = "abandoned"
"""The claim of an attempt that was given up (tuning.slurm.programs.remote_scripts)."""


@dataclass(frozen=True)
class Part:
    """One framed part of an answer."""

    words: tuple[str, ...]
    """What its first line says behind the boundary."""
    content: bytes


@dataclass(frozen=True)
class Answer:
    """Answer of a program on a login node, in its parts."""

    parts: Sequence[Part]
    completed: Completed

    @property
    def complaint(self) -> str:
        """The beginning of what it complained of."""
        return self.completed.stderr.decode("utf-8", "replace").strip()[:300]

    @property
    def by_word(self) -> dict[str, Part]:
        """Its parts by their first words; of several the last."""
        return {part.words[0]: part for part in self.parts if part.words}

    def complete(self, name: str, command: str) -> Part:
        """A part whose command ended well. Raises SlurmUnavailable otherwise."""
        end = self.by_word.get(f"{name}-end")
        if end is None or end.words[1:] != ("0",):
            raise slurm_trouble(self.completed.stderr, command)
        return self.by_word[name]

    def clock_epoch(self) -> float:
        """The cluster's clock. Raises Unreachable for an answer that broke off."""
        said = " ".join(self.by_word["clock"].words[1:])
        if not _EPOCH.fullmatch(said):
            raise Unreachable("the login node's answer broke off")
        return float(said)


@dataclass(frozen=True)
class QueuedJob:
    """One line of squeue."""

    slurm_job_id: int
    state: str
    reason: str | None
    start_epoch: float | None
    """When it started, or of a pending job when Slurm expects to start it."""
    nodes: str | None
    name: str
    comment: str


@dataclass(frozen=True)
class AccountedJob:
    """The newest line of sacct about a job; one that was put back has several, and the greatest submit time counts."""

    slurm_job_id: int
    state: str
    exit_code: int | None
    """As a shell tells it: 128 and the number of a signal that ended it."""
    start_epoch: float | None
    end_epoch: float | None
    nodes: str | None


@dataclass(frozen=True)
class AttemptLook:
    """A closer look at the folders of an attempt."""

    claim: str | None
    """Who has its claim: a Slurm job's number, ABANDONED, or "" = nobody. None = nobody can tell now."""
    started_epoch: float | None = None
    """When it started, by the clock of the file system; None when it left no record of that."""
    listing: bytes = b""
    """Of its output, as the batch script writes it (tuning.ssh.file_listing.parse_files)."""

    @property
    def owner(self) -> int | None:
        """The Slurm job that has the claim."""
        return parse_slurm_job_id(self.claim) if self.claim is not None else None

    @property
    def is_abandoned(self) -> bool:
        """Whether the claim is ours: no job can ever train this attempt."""
        return self.claim == ABANDONED


@dataclass(frozen=True)
class FileStat:
    """A remote file at the moment of the look."""

    inode: int
    size_bytes: int
    modified_at: float
    """Epoch seconds, on the cluster's clock."""


@dataclass(frozen=True)
class Submitted:
    """Outcome of one sbatch. Neither an id nor an error: it cannot be told whether Slurm has the job."""

    slurm_job_id: int | None = None
    error: ClusterError | None = None


@dataclass(frozen=True)
class TrialAnswer:
    """Answer of `sbatch --test-only` about a job. Neither a start nor an error: it gave no answer."""

    start_epoch: float | None = None
    """When Slurm would start it, on the cluster's clock."""
    error: ClusterError | None = None


def split_parts(stdout: bytes, boundary: str) -> list[Part]:
    """The framed parts in their order; whatever stands before the first (a banner) is dropped."""
    parts = []
    for piece in stdout.split(f"\n{boundary} ".encode())[1:]:
        first, _, content = piece.partition(b"\n")
        parts.append(Part(tuple(first.decode("utf-8", "replace").split()), content))
    return parts


def whole_parts(parts: Sequence[Part]) -> Sequence[Part]:
    """Parts that are certainly whole: each is ended by the next; the last is `done`, or was cut off."""
    return parts[:-1]


def parse_queue(content: bytes) -> dict[int, QueuedJob]:
    """squeue's lines by job id. Elements of arrays (never ours) and lines of another form are left out."""
    found = (_queued(line.split(SEPARATOR, 6)) for line in _lines(content))
    return {job.slurm_job_id: job for job in found if job}


def parse_accounting(content: bytes) -> dict[NamedJob, AccountedJob]:
    """sacct's lines by job, the latest submission of each."""
    latest: dict[NamedJob, tuple[float, AccountedJob]] = {}
    for line in _lines(content):
        fields = line.split("|")
        slurm_job_id = parse_slurm_job_id(fields[0]) if len(fields) == 8 else None
        if slurm_job_id is None:
            continue
        submitted, job = _epoch(fields[2]) or 0.0, _accounted(slurm_job_id, fields)
        key = (job.slurm_job_id, fields[1])
        if key not in latest or latest[key][0] <= submitted:
            latest[key] = (submitted, job)
    return {key: job for key, (_, job) in latest.items()}


def parse_stats(content: bytes) -> dict[str, FileStat]:
    """`stat --printf '%i %s %Y %n\\0'` by path."""
    found = {}
    for entry in content.split(b"\0"):
        fields = entry.decode("utf-8", "surrogateescape").lstrip("\n").split(" ", 3)
        if len(fields) == 4 and _UNSIGNED.fullmatch(fields[0]) and _UNSIGNED.fullmatch(fields[1]):
            # some file systems number their files by all of 64 bits; the databases' integers have a sign
            inode, size_bytes = int(fields[0]) & LARGEST_BIGINT, min(int(fields[1]), LARGEST_BIGINT)
            found[fields[3]] = FileStat(inode, size_bytes, _epoch(fields[2]) or 0.0)
    return found


def parse_paths(content: bytes) -> frozenset[str]:
    """NUL-ended paths."""
    return frozenset(path.decode("utf-8", "surrogateescape") for path in content.split(b"\0")[:-1])


def parse_slurm_job_id(text: str) -> int | None:
    """A job's number; None for anything else."""
    number = int(text) if _UNSIGNED.fullmatch(text) else None
    return number if number is not None and 0 < number <= LARGEST_SLURM_JOB_ID else None


def parse_submission(exit_status: int, said: str) -> Submitted:
    """Outcome of an sbatch, by its answer. With --parsable it prints `ID[;CLUSTER]`; warnings may stand before it."""
    ids = re.findall(r"^([0-9]{1,10})(?:;[^\s;]{1,255})?\s*$", said, re.MULTILINE)
    if exit_status == 0:
        return Submitted(slurm_job_id=parse_slurm_job_id(ids[-1])) if ids else Submitted()
    return Submitted(error=refusal_of(said, exit_status))


def parse_trial(exit_status: int, said: str) -> TrialAnswer:
    """Answer of `sbatch --test-only`: `sbatch: Job 7 to start at 1764111600 using 4 processors on nodes n1 ...`."""
    if exit_status == 0:
        found = re.search(r"^sbatch: Job [0-9]+ to start at ([0-9]{1,12}) ", said, re.MULTILINE)
        return TrialAnswer(start_epoch=_epoch(found[1])) if found else TrialAnswer()
    return TrialAnswer(error=refusal_of(said, exit_status))


def parse_looks(parts: Sequence[Part], count: int) -> list[AttemptLook | None]:
    """The looks at so many attempts, in the order in which they were asked for; None where the answer broke off."""
    claims = {part.words[1]: "".join(part.words[2:3]) for part in parts if part.words[:1] == ("claim",)}
    outputs = {part.words[1]: part for part in whole_parts(parts) if part.words[:1] == ("output",)}
    found: list[AttemptLook | None] = [None] * count
    for number, part in outputs.items():
        started = _epoch("".join(part.words[2:3]))
        listing = part.content[: part.content.rfind(b"\0") + 1]
        found[int(number)] = AttemptLook(claims.get(number), started, listing)
    return found


def _lines(content: bytes) -> Iterator[str]:
    return (line for line in content.decode("utf-8", "replace").split("\n") if line)


def _queued(fields: list[str]) -> QueuedJob | None:
    slurm_job_id = parse_slurm_job_id(fields[0]) if len(fields) == 7 else None
    if slurm_job_id is None:
        return None
    _, state, reason, start, nodes, name, comment = fields
    return QueuedJob(slurm_job_id, _state(state), _known(reason), _epoch(start), _known(nodes), name, comment)


def _accounted(slurm_job_id: int, fields: list[str]) -> AccountedJob:
    _, _, _, state, exit_code, start, end, nodes = fields
    return AccountedJob(slurm_job_id, _state(state), _status(exit_code), _epoch(start), _epoch(end), _known(nodes))


def _status(exit_code: str) -> int | None:
    """Of sacct's `CODE:SIGNAL`."""
    found = re.fullmatch(r"([0-9]{1,3}):([0-9]{1,3})", exit_code)
    if found is None:
        return None
    return 128 + int(found[2]) if int(found[2]) else int(found[1])


def _epoch(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]{1,12}", text) and int(text) < LATEST_EPOCH else None


def _state(text: str) -> str:
    return storable_line(text, _MAX_STATE_CHARACTERS)


def _known(text: str) -> str | None:
    return (
        None if text in ("", "None", "N/A", "(null)", "None assigned") else storable_line(text, _MAX_WORDS_CHARACTERS)
    )
