"""Queries of our own runs' GPUs by node: now, and as they were when the cluster last described itself."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from tuning.clusters.node_names import node_names
from tuning.jobs.models import Attempt, Job
from tuning.jobs.queries.queue.standing import MOST_RUNNING
from tuning.jobs.status import JobStatus


@dataclass(frozen=True, slots=True)
class OwnGpus:
    """GPUs of our runs on a node."""

    now: int = 0
    then: int = 0
    """When the cluster described itself: of runs that have ended since, too."""


def own_gpus(session: Session, cluster: str, described_at: datetime) -> dict[str, OwnGpus]:
    """GPUs of our runs by the names of nodes, in two statements; those of several nodes are shared out evenly."""
    running = [tuple(row) for row in session.execute(_runs(cluster).where(Job.status == JobStatus.RUNNING))]
    began = [(nodes, gpus, at) for nodes, gpus, at in running if at is not None and at <= described_at]
    ended_since = (Job.updated_at >= described_at, Job.finished_at >= described_at, Job.started_at < described_at)
    ended = [tuple(row) for row in session.execute(_runs(cluster).where(*ended_since))]
    now, then = _by_node(running), _by_node([*began, *ended])
    return {node: OwnGpus(now.get(node, 0), then.get(node, 0)) for node in now.keys() | then.keys()}


def _runs(cluster: str) -> Select[*tuple[Any, ...]]:
    query = select(Attempt.nodes, Job.gpus, Attempt.started_at).select_from(Job)
    query = query.join(Attempt, (Attempt.job_id == Job.id) & (Attempt.number == Job.attempt))
    return query.where(Job.cluster == cluster, Attempt.nodes.is_not(None)).limit(MOST_RUNNING)


def _by_node(runs: Iterable[tuple[str, int, datetime | None]]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for nodes, gpus, _ in runs:
        names = node_names(nodes)
        for place, name in enumerate(names):
            found[name] += gpus // len(names) + (place < gpus % len(names))
    return found
