"""The end of a served model: a success where it had served its time, or nobody used it any more."""

from dataclasses import replace

from sqlalchemy.orm import Session

from tuning.jobs.attempt.continuation import YIELDED
from tuning.jobs.models import Attempt, Job
from tuning.jobs.serving.servers import idle_words, server_of
from tuning.llamafactory.outcome.end import Outcome, RunEvidence
from tuning.llamafactory.outcome.failure import End, Failure, explain
from worker.driver import Driver

NEXT = "the next request starts it again"


def end_server(session: Session, driver: Driver, job: Job, attempt: Attempt, evidence: RunEvidence) -> Outcome:
    """Outcome of a served model's run."""
    server = server_of(session, job.id)
    if server is not None and server.idle_at is not None:
        return _success(idle_words(driver.settings.serve_idle_seconds))
    if server is not None and server.ready_at is not None and evidence.slurm == "timeout":
        return _success("its life was over")
    if attempt.ended_by == YIELDED:
        return _failed(Failure("preempted", "jobs that wait for GPUs needed its own", None, ()))
    logs = {"stderr": evidence.stderr_tail, "stdout": evidence.stdout_tail}
    missing = [] if server is not None and server.ready_at is not None else ["a loaded model"]
    return _failed(explain(End(evidence.exit_code, evidence.slurm, missing=missing, **logs)))


def _success(reason: str) -> Outcome:
    return Outcome("succeeded", None, {}, diverged=False, told=f"{reason}; {NEXT}")


def _failed(failure: Failure) -> Outcome:
    hint = f"{failure.hint}; {NEXT}" if failure.hint else NEXT
    return Outcome("failed", replace(failure, hint=hint), {}, diverged=False)
