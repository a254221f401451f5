"""Slurm's job states, in one table (squeue(1) "JOB STATE CODES", job_state in slurm.h of 22.05 and 24.11). Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Phase of a Slurm job, by its state."""

    PENDING = "pending"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True)
class StateMeaning:
    """One row of the table."""

    phase: Phase
    word: str | None = None
    """Of an end: completed, failed, timeout, out_of_memory, node_fail, boot_fail, preempted, cancelled, ..."""
    may_return: bool = False
    """Slurm may start the job again under the same id, depending on the site."""


COMPLETING = "COMPLETING"
"""It has ended, and its end is not recorded yet."""

_P, _R, _E = Phase.PENDING, Phase.RUNNING, Phase.ENDED

MEANINGS: dict[str, StateMeaning] = {
    "PENDING": StateMeaning(_P),
    "CONFIGURING": StateMeaning(_P),
    "REQUEUED": StateMeaning(_P),
    "REQUEUE_FED": StateMeaning(_P),
    "REQUEUE_HOLD": StateMeaning(_P),
    "RESV_DEL_HOLD": StateMeaning(_P),
    "SPECIAL_EXIT": StateMeaning(_P),
    "RUNNING": StateMeaning(_R),
    COMPLETING: StateMeaning(_R),
    "SIGNALING": StateMeaning(_R),
    "RESIZING": StateMeaning(_R),
    "STAGE_OUT": StateMeaning(_R),
    "SUSPENDED": StateMeaning(_R),
    "STOPPED": StateMeaning(_R),
    "COMPLETED": StateMeaning(_E, "completed"),
    "FAILED": StateMeaning(_E, "failed"),
    "CANCELLED": StateMeaning(_E, "cancelled"),
    "TIMEOUT": StateMeaning(_E, "timeout"),
    "DEADLINE": StateMeaning(_E, "deadline"),
    "OUT_OF_MEMORY": StateMeaning(_E, "out_of_memory"),
    "REVOKED": StateMeaning(_E, "revoked"),
    "LAUNCH_FAILED": StateMeaning(_E, "launch_failed", may_return=True),
    "NODE_FAIL": StateMeaning(_E, "node_fail", may_return=True),
    "BOOT_FAIL": StateMeaning(_E, "boot_fail", may_return=True),
    "PREEMPTED": StateMeaning(_E, "preempted", may_return=True),
}


def accounted_meaning(state: str) -> StateMeaning | None:
    """Meaning of sacct's State, which says who cancelled a job: "CANCELLED by 1000".

    Nobody did where it names nobody: a controller that lost its state says so of all the jobs that it had.
    """
    return MEANINGS["NODE_FAIL"] if state == "CANCELLED" else meaning_of(state)


def final_state(state: str | None) -> str | None:
    """A state with which Slurm says that a job has ended, as it says it; None for any other."""
    meaning = meaning_of(state) if state is not None else None
    return state if meaning is not None and meaning.phase is Phase.ENDED else None


def meaning_of(state: str) -> StateMeaning | None:
    """The meaning of a state as squeue's %T or sacct's State tell it; None for one that the table does not know.

    sacct writes more behind it ("CANCELLED by 1000", "COMPLETED+"): the first word counts.
    """
    words = state.split()
    return MEANINGS.get(words[0].rstrip("+")) if words else None
