"""Node at fault in a run that failed by hardware's words: remembered, so that others keep away from it."""

import logging

from sqlalchemy.orm import Session

from tuning.clusters.sick_nodes import Fault, faults_of, note_fault, sick_nodes
from tuning.jobs.attempt.node_at_fault import node_at_fault
from tuning.jobs.models import Attempt, Job
from tuning.llamafactory.kinds import CHECK
from tuning.llamafactory.outcome.end import Outcome
from worker.driver import Driver
from worker.observe.judgement import Ended

log = logging.getLogger(__name__)

_CODE = "node_fail"


def faulty_node(job: Job, attempt: Attempt, judgement: Ended, judged: Outcome) -> str | None:
    """The node at fault, "" where it is one of several; None where no node is. Slurm itself drains one that is down."""
    if job.kind == CHECK or judged.failure is None or judged.failure.code != _CODE or judgement.word == _CODE:
        return None
    # a run's own record names the first of its nodes alone
    own = judgement.nodes if (job.resources.get("nodes") or 1) == 1 else None
    return node_at_fault(attempt.nodes or own, judged.failure.evidence) or ""


def note_faulty_node(session: Session, driver: Driver, job: Job, node: str, judged: Outcome) -> None:
    """Remember it; the operator is told when it is excluded from now on."""
    name, now = driver.settings.name, driver.now()
    message = judged.failure.message if judged.failure else ""
    note_fault(session, name, Fault(node, job.id, now, message))
    session.flush()
    for sick in sick_nodes(faults_of(session, [name], now).get(name, ()), now):
        if sick.node == node:
            told = f"{node} is excluded until {sick.excluded_until:%Y-%m-%d %H:%M} UTC: {sick.faults} runs failed on it"
            log.warning(told, extra={"action": "exclude_node", "cluster": name, "job_id": job.id})
