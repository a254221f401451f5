"""Next status of a job whose attempt is over: an end, a further attempt, or a pause. Pure."""

from dataclasses import dataclass

from tuning.jobs.attempt.continuation import EndedAttempt, NextAttempt, next_attempt
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.llamafactory.kinds import CHECK, SERVE
from tuning.llamafactory.outcome.end import Outcome
from tuning.llamafactory.outcome.failure import Failure
from worker.observe.judgement import Ended

DIVERGED = "training diverged: its loss is no number, or 0.0, so the weights are most likely of no use"
_SUCCESS = ("succeeded", "succeeded_early")


@dataclass(frozen=True)
class NextStep:
    """Next status of a job, and the reason."""

    status: JobStatus
    reason: str
    ended_by: str
    """Reason that the attempt is remembered for."""
    failure: Failure | None = None


def next_step(job: Job, judgement: Ended, judged: Outcome, ended: EndedAttempt) -> NextStep:
    """By what the run left, by what people want of it, and by who ended it."""
    if judged.status in _SUCCESS:
        return NextStep(JobStatus.SUCCEEDED, _success(job, judged), "succeeded")
    if job.cancel_requested_at is not None:
        return NextStep(JobStatus.CANCELLED, "cancelled, and Slurm has confirmed it", "cancelled")
    following = next_attempt(ended, job.continuation) if _may_go_on(job, ended) else None
    if job.hold_requested_at is not None and (following is not None or judgement.word == "cancelled"):
        return NextStep(JobStatus.HELD, _held(ended), "held")
    if following is not None and following.refusal is None:
        return NextStep(JobStatus.QUEUED, following.reason(ended), following.cause)
    was_stalled = following is not None and following.cause == "stalled"
    if judgement.word == "cancelled" and not was_stalled and not ended.had_yielded:
        return NextStep(JobStatus.CANCELLED, "cancelled in Slurm by somebody else, not through packtrain", "cancelled")
    failure = _failure(judged, following, ended)
    return NextStep(JobStatus.FAILED, failure.message if failure else "failed", "failed", failure)


def _may_go_on(job: Job, ended: EndedAttempt) -> bool:
    """A served model is never needed again by itself: the next request starts another."""
    return job.kind != SERVE and (job.kind == "train" or _left_nothing(ended) or ended.has_node_fault)


def _success(job: Job, judged: Outcome) -> str:
    if judged.told is not None:
        return judged.told
    if job.kind == CHECK and "findings" in judged.result:
        return "it has looked at its data set, and refuses it: the data set says why"
    early = " early: it had stopped improving" if judged.status == "succeeded_early" else ""
    late = "; it had finished before the wish to cancel reached it" if job.cancel_requested_at else ""
    return f"finished{early}{late}" + (f", but {DIVERGED}" if judged.diverged else "")


def _left_nothing(ended: EndedAttempt) -> bool:
    """Whether a run left no record: it has done nothing that a further attempt would do twice."""
    return ended.newest_step is None and ended.exit_code is None


def _held(ended: EndedAttempt) -> str:
    step = ended.newest_step or ended.resumed_step
    return f"held; it goes on from checkpoint {step} when it is released" if step else "held"


def _failure(judged: Outcome, following: NextAttempt | None, ended: EndedAttempt) -> Failure | None:
    """Failure of a job: why it does not go on, else why it was cut off; a run that saved in time has no evidence."""
    if following is None or following.refusal is None:
        return judged.failure
    evidence = judged.failure.evidence if judged.failure and not ended.was_stopped else ()
    return Failure(
        "node_fail" if following.cause == "node_fault" else following.cause, following.refusal, following.hint, evidence
    )
