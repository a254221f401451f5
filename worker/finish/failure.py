"""A failure as the job's row keeps it: the cause, what shows it, and a ready body for a retry."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

from sqlalchemy.orm import Session

from tuning.clusters.repository import snapshot_of
from tuning.clusters.snapshot import Snapshot, nodes_for, partitions_of
from tuning.errors import Conflict
from tuning.jobs.attempt.node_at_fault import node_at_fault
from tuning.jobs.attempt.plan import config_context
from tuning.jobs.attempt.retry_advice import Advice, FailedRun, Limits, advise, going_on
from tuning.jobs.models import Attempt, Job
from tuning.jobs.queries.sources import newest_whole_checkpoint
from tuning.jobs.request.sources import from_json
from tuning.llamafactory.kinds import SERVE, Kind
from tuning.llamafactory.outcome.failure import Failure
from tuning.secrets.masking import mask, secret_values
from tuning.secrets.service import values_left
from worker.driver import Driver

_GOES_ON = ("timeout", "preempted", "node_fail", "stalled")
"""The hint of these says what would have let the run go on; it is told beside the advice."""


def failure_json(session: Session, driver: Driver, job: Job, failure: Failure) -> dict[str, Any]:
    """The failure with the advice on this job."""
    if job.kind == SERVE:  # it is asked for again, not retried
        return {**asdict(failure), "evidence": list(failure.evidence), "retry": None}
    advice = advice_for(session, driver, job, failure.code, failure.evidence)
    limit = failure.hint if failure.code in _GOES_ON else None
    hints = [limit, advice.hint] if limit else [advice.hint or failure.hint]
    said = Advice(advice.retry, "; or ".join(hint for hint in hints if hint) or None)
    step = newest_whole_checkpoint(session, job.id) if job.kind == "train" else None
    offered = going_on(failure.code, said, job.id, step)
    return {**asdict(failure), "evidence": list(failure.evidence), "retry": offered.retry, "hint": offered.hint}


def advice_for(session: Session, driver: Driver, job: Job, code: str, evidence: Sequence[str] = ()) -> Advice:
    """Advice on the changes to a job after a failure of this code, shown by these lines."""
    snapshot = snapshot_of(session, driver.settings.name) or Snapshot()
    source, kind = from_json(job.source), cast(Kind, job.kind)
    context = config_context(driver.settings, snapshot.datasets, (), job.resources, kind, source)
    attempt = session.get(Attempt, (job.id, job.attempt))
    node = node_at_fault(attempt.nodes if attempt else None, evidence)
    return advise(code, FailedRun(job.config, job.resources, context, _limits(snapshot, job), node))


def masked(session: Session, driver: Driver, job: Job, text: str) -> str:
    """A log's text without the job's secrets and the operator's: everybody may see a failure."""
    values = secret_values(driver.settings.environment)
    try:
        values += values_left(session, job.owner_id, job.secrets or (), driver.cipher)
    except Conflict:  # the key that they were encrypted with is gone: so is all that tells them in a text
        return ""
    return mask(text, values)


def _limits(snapshot: Snapshot, job: Job) -> Limits:
    """Of the partitions that it may start in, the tightest limit on time."""
    names = partitions_of(snapshot, job.resources.get("partition"))
    times = [partition.max_time_seconds for partition in snapshot.partitions if partition.name in names]
    nodes = nodes_for(snapshot, job.resources.get("partition"))
    memory = max((node.memory_mb for node in nodes), default=0)
    return Limits(min(filter(None, times), default=None), memory or None, len(nodes) or None)
