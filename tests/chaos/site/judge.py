"""The judgement of a site fault: every accepted job has ended once and truly, by witnesses other than our database."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.audit import CLAIM_REFUSED
from tests.chaos.site.stand_in import Line
from tests.chaos.witness import JobRow, SlurmJob

ENDS = frozenset({"job.succeeded", "job.failed", "job.cancelled"})
CORRECTED = "job.corrected"


@dataclass(frozen=True)
class Expected:
    """What must have become of an accepted job."""

    job_id: str
    status: str = "succeeded"
    runs: frozenset[int] = frozenset({1})
    """How often its training may have begun; never two at the same time."""
    may_be_corrected: bool = False
    """It may have been told to have ended otherwise, before its evidence could be read."""


@dataclass(frozen=True)
class Witnesses:
    """Everything that was found of a job."""

    row: JobRow | None
    events: Sequence[str]
    lines: Sequence[Line]
    slurm_jobs: Sequence[SlurmJob]
    claims: Mapping[int, str] = field(default_factory=dict)


def check(expected: Expected, found: Witnesses) -> Iterator[str]:
    """What is wrong with a job. Pure."""
    if found.row is None:
        yield f"{expected.job_id} was accepted and is lost"
        return
    yield from _check_end(expected, found.row, found.events)
    yield from _check_runs(expected, found.row, found.lines)
    yield from _check_slurm(found)


def _check_end(expected: Expected, row: JobRow, events: Sequence[str]) -> Iterator[str]:
    if row.status != expected.status:
        yield f"{row.id} ended as {row.status}, not {expected.status}: {row.reason} {row.failure}"
    if row.status == "succeeded" and row.failure not in {None, "null"}:
        yield f"{row.id} succeeded, and tells of a failure: {row.failure}"
    ends = [event for event in events if event in {*ENDS, CORRECTED}]
    if not ends or ends[-1] not in {f"job.{expected.status}", CORRECTED}:
        yield f"{row.id}: its last end in the history is {ends[-1:]}, not {expected.status}"
    if len(ends) > 1 and not expected.may_be_corrected:
        yield f"{row.id} was told to have ended {len(ends)} times: {ends}"


def _check_runs(expected: Expected, row: JobRow, lines: Sequence[Line]) -> Iterator[str]:
    begun = [line for line in lines if line.word == "begin"]
    ended = [line for line in lines if line.word == "end"]
    if len(begun) not in expected.runs:
        yield f"{row.id} began {len(begun)} times, not {sorted(expected.runs)}: {lines}"
    if any(line.word == "twice" for line in lines):
        yield f"{row.id} ran twice at the same time: {lines}"
    if len(ended) != (1 if expected.status == "succeeded" else 0):
        yield f"{row.id} is {row.status}, and its training was done {len(ended)} times: {lines}"
    elif ended and ended[0].slurm_job_id != row.slurm_job_id:
        yield f"{row.id} was done by Slurm job {ended[0].slurm_job_id}, and the database says {row.slurm_job_id}"


def _check_slurm(found: Witnesses) -> Iterator[str]:
    for line in found.lines:
        if line.word == "begin" and found.claims.get(line.attempt) != str(line.slurm_job_id):
            yield f"{line.job_id} began without the claim: {line}; claims: {found.claims}"
    began = {line.slurm_job_id for line in found.lines if line.word == "begin"}
    for job in found.slurm_jobs:
        if job.is_queued:
            yield f"{job.name} is still in Slurm's queue: {job}"
        if job.state == "COMPLETED" and job.id not in began:
            yield f"{job.name} is done for Slurm, and no training of it began: {job}"
        if job.has_started and job.id not in began and job.exit_code not in {CLAIM_REFUSED, 0}:
            yield f"{job.name} began beside the run, and was not refused: {job}"
