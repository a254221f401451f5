"""Continuation of a run that was cut off: a further attempt or not (docs/decisions/0005). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tuning.jobs.request.spec import MAX_ATTEMPTS
from tuning.llamafactory.progress.eta_state import EtaState

Cause = Literal["timeout", "preempted", "node_fail", "node_fault", "stalled", "interrupted", "released", "yielded"]

YIELDED: Cause = "yielded"
"""A scavenger was asked to save and to give its GPUs to an urgent job."""

NOT_ITS_DOING: tuple[Cause, ...] = ("preempted", "node_fail")
"""After these a run goes on unless its owner said otherwise. A time limit is also a budget: that must be asked for."""

MOST_NODE_FAULTS = 3
"""So often a job goes on by itself after hardware's words: what meets it on each node may be its own doing."""
FIRST_WARNING_SECONDS = 120
"""The least before anything was learned of a run itself."""
_LEAST_WARNING_SECONDS = 60
_SAVES, _STEPS, _SPARE_SECONDS = 3.0, 2.0, 30.0
_EARLY_SECONDS = 120
"""Slurm looks at time limits now and then, and warns up to a minute early."""
_LARGEST_SHARE = 4
"""Of the time limit, a quarter at most is given to the warning."""

_CAUSES: Mapping[str, Cause] = {
    "timeout": "timeout",
    "preempted": "preempted",
    "node_fail": "node_fail",
    "boot_fail": "node_fail",
    "launch_failed": "node_fail",
}
_NEED_PROGRESS: tuple[Cause, ...] = ("timeout", "stalled", "interrupted")
"""After these an attempt without a new checkpoint would be followed by more of the same."""
_WORDS: Mapping[Cause, str] = {
    "timeout": "the time limit was reached",
    "preempted": "it was preempted",
    "node_fail": "its node failed",
    "node_fault": "the hardware of its node failed",
    "stalled": "it stood still and was ended",
    "interrupted": "it was asked to stop by a signal, long before its time limit",
    "released": "it was held and released",
    "yielded": "it gave its GPUs to an urgent job",
}


@dataclass(frozen=True)
class EndedAttempt:
    """An attempt that is over and did not do all of its work."""

    number: int
    slurm: str | None
    """Slurm's end in one word; None when only its own record tells."""
    exit_code: int | None
    was_stopped: bool
    """It was asked to save a checkpoint and end: before its time limit, or by us."""
    was_asked_by_us: bool
    """We ended it for a hold, or asked it to save."""
    resumed_step: int
    """The checkpoint that it went on from; 0 when it began anew."""
    newest_step: int | None
    """The newest checkpoint that it left; None where nobody could look."""
    count: int | None = None
    """The attempts that Slurm had, this one with them; None = as many as its number says."""
    had_stalled: bool = False
    """It was ended because it stood still, which the operator wants."""
    had_yielded: bool = False
    """We asked it to save since an urgent job needed its GPUs."""
    has_node_fault: bool = False
    """It failed by the words of a GPU, a driver or a file system of its node."""
    node: str | None = None
    """The node at fault, where it is known."""
    earlier_node_faults: int = 0
    """Number of attempts before it that did."""
    was_near_limit: bool = True
    """Its time limit was near when it was asked to stop, or nobody can tell; else somebody else sent the signal."""


@dataclass(frozen=True)
class NextAttempt:
    """Next step after an attempt: a further attempt, or the reason why there is none."""

    cause: Cause
    refusal: str | None
    hint: str | None = None

    def reason(self, ended: EndedAttempt) -> str:
        """For the job's history."""
        step = ended.newest_step or ended.resumed_step
        place = f"from checkpoint {step}" if step else "from the start"
        node = f" ({ended.node})" if self.cause == "node_fault" and ended.node else ""
        return f"attempt {ended.number}: {_WORDS[self.cause]}{node}; it goes on {place}"


def next_attempt(ended: EndedAttempt, continuation: Mapping[str, Any] | None) -> NextAttempt | None:
    """Next step after an attempt, by the job's `continuation` (None: not said); None where the end is the job's own."""
    cause = _cause(ended)
    allowed = tuple(continuation["on"]) if continuation else NOT_ITS_DOING
    if cause is None or (cause == "node_fault" and "node_fail" not in allowed):
        return None
    most = continuation["max_attempts"] if continuation else MAX_ATTEMPTS
    if cause in ("released", YIELDED):
        return NextAttempt(cause, None)
    if cause not in (*allowed, "stalled", "node_fault") and not (cause == "interrupted" and continuation is not None):
        on = "" if cause == "interrupted" else f'"on": ["{cause}"]'
        hint = f'"continuation": {{{on}}} lets it go on from its newest checkpoint'
        return NextAttempt(cause, _WORDS[cause], hint)
    count = ended.number if ended.count is None else ended.count
    if count >= most:
        return NextAttempt(cause, f"{_WORDS[cause]}, and it was attempt {count} of {most}", "raise max_attempts")
    if cause in _NEED_PROGRESS and ended.newest_step is not None and ended.newest_step <= ended.resumed_step:
        refusal = f"{_WORDS[cause]} without a checkpoint beyond step {ended.resumed_step}: it would never end"
        return NextAttempt(cause, refusal, "give a longer time_limit, or save more often (save_steps)")
    return NextAttempt(cause, None)


def warning_seconds(limit_seconds: int, learned: EtaState | None, longest_save_elsewhere: float | None = None) -> int:
    """Seconds before its time limit at which a run is asked to save.

    By its earlier attempts, where they saved. Else by the longest save of other jobs like it (in seconds, None = not
    known), which can only lengthen it: they need not be quite like it.
    """
    step = learned.stretches[-1].pace if learned is not None and learned.stretches else 0.0
    if learned is not None and learned.saves:
        wanted = max(_LEAST_WARNING_SECONDS, _seconds_for(max(learned.saves), step))
    else:
        wanted = max(FIRST_WARNING_SECONDS, _seconds_for(longest_save_elsewhere or 0.0, step))
    return max(1, round(min(limit_seconds / _LARGEST_SHARE, wanted)))


def _seconds_for(save_seconds: float, step_seconds: float) -> float:
    return _SPARE_SECONDS + _SAVES * save_seconds + _STEPS * step_seconds


def _cause(ended: EndedAttempt) -> Cause | None:
    saved = ended.was_stopped and ended.exit_code == 0
    if ended.was_asked_by_us and (saved or ended.slurm == "cancelled"):
        return YIELDED if ended.had_yielded else "released"  # held, and let go before Slurm had confirmed it
    if found := _CAUSES.get(ended.slurm or ""):
        return found
    if ended.had_stalled:
        return "stalled"
    if ended.has_node_fault and ended.earlier_node_faults < MOST_NODE_FAULTS:
        return "node_fault"
    if not saved:
        return None
    return "timeout" if ended.was_near_limit else "interrupted"


def is_near_limit(ran_seconds: float, limit_seconds: int, warning: int) -> bool:
    """Whether Slurm may have sent its warning after so long a run; true for a time that no clock can have meant."""
    return not 0 <= ran_seconds < limit_seconds - warning - _EARLY_SECONDS
