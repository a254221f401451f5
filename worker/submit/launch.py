"""Launch failures: jobs that Slurm gave a node and ended before their batch script began. Pure.

A prolog failed, slurmd could not set the job up or refused it, or the node does not see the job's folder. Slurm has no
word of its own for most of this: a job that is not to be put back is "CANCELLED by 0", or FAILED. What tells is that
a node had it and that nobody has the claim on its attempt.
"""

import re

from tuning.jobs.queries.driver import LiveAttempt
from tuning.slurm.cluster import AccountedJob
from tuning.slurm.states import StateMeaning

LAUNCH_FAILED = "launch_failed"
"""Cause of an attempt's end: Slurm holds it since no node could start it."""
TAKEN_BACK = "taken_back"
"""Cause of an attempt's end: it waits inside Slurm, far behind others in the queue (tuning.queue.window)."""
_ENDED_BY_US = (LAUNCH_FAILED, TAKEN_BACK)
_NEVER_OF_A_LAUNCH = ("completed", "deadline", "revoked")
_BY_SOMEBODY = re.compile(r"CANCELLED by [1-9][0-9]*")
"""A failed launch is cancelled in the name of root, if in anybody's."""


def may_be_unbegun(attempt: LiveAttempt, meaning: StateMeaning, nodes: str | None) -> bool:
    """True when a job with this end may never have begun; its claim tells."""
    has_spoken = attempt.last_step is not None or not attempt.positions.keys().isdisjoint(("stdout", "stderr"))
    if has_spoken or attempt.cancel_requested_at is not None or meaning.word in _NEVER_OF_A_LAUNCH:
        return False
    return nodes is not None or attempt.ended_by in _ENDED_BY_US


def is_somebodys_wish(attempt: LiveAttempt, accounted: AccountedJob | None) -> bool:
    """True when a person cancelled it."""
    if attempt.ended_by in _ENDED_BY_US or accounted is None:
        return False
    return _BY_SOMEBODY.match(accounted.state) is not None
