"""The states of a job and the ways between them. Pure."""

from enum import StrEnum


class JobStatus(StrEnum):
    """Status of a job in packtrain. Slurm's own state is another column."""

    HELD = "held"
    QUEUED = "queued"
    SUBMITTING = "submitting"
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


S = JobStatus

TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    S.HELD: frozenset({S.QUEUED, S.CANCELLED}),
    S.QUEUED: frozenset({S.HELD, S.SUBMITTING, S.FAILED, S.CANCELLED}),
    # back to queued only on a site limit or when it is proved that nothing was submitted
    S.SUBMITTING: frozenset({S.QUEUED, S.HELD, S.PENDING, S.FAILED, S.CANCELLED}),
    # a short job may have ended before anyone saw it run; queued = a further attempt; held = taken back from Slurm
    S.PENDING: frozenset({S.RUNNING, S.QUEUED, S.HELD, S.SUCCEEDED, S.FAILED, S.CANCELLED}),
    # pending = Slurm itself put the job back
    S.RUNNING: frozenset({S.PENDING, S.QUEUED, S.HELD, S.SUCCEEDED, S.FAILED, S.CANCELLED}),
    S.SUCCEEDED: frozenset(),
    S.FAILED: frozenset(),
    S.CANCELLED: frozenset(),
}

CORRECTIONS: dict[JobStatus, frozenset[JobStatus]] = {
    S.FAILED: frozenset({S.PENDING, S.RUNNING, S.SUCCEEDED}),
    S.CANCELLED: frozenset({S.PENDING, S.RUNNING, S.SUCCEEDED}),
}
"""Ends that were wrong: evidence that came late makes them right (tuning.jobs.transition.correct), nothing else."""

ENDED = frozenset({S.SUCCEEDED, S.FAILED, S.CANCELLED})
IN_OUR_QUEUE = frozenset({S.HELD, S.QUEUED})
"""Not in Slurm: they wait for their turn, or for their owner."""
NOT_BEGUN = IN_OUR_QUEUE | {S.SUBMITTING, S.PENDING}
"""They have a start before them: here, on the way to Slurm, or in its queue."""
ON_CLUSTER = frozenset({S.PENDING, S.RUNNING})
"""Slurm has them: they are watched."""
ACTIVE = frozenset(S) - ENDED
AWAITS_WORKER = ACTIVE - {S.HELD}
"""The next thing that becomes of them is a worker's to do, or to see."""


def may_become(old: JobStatus, new: JobStatus) -> bool:
    """Whether the table allows this step."""
    return new in TRANSITIONS[old]
