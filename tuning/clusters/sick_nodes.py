"""Sick nodes: those on which runs failed by hardware's words. New attempts keep away from them for a while.

Slurm knows of a node that does not answer, and of nothing else: one whose GPU is broken is idle, and gets the next job.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from tuning.clusters.models import NodeFault

REMEMBERED = timedelta(days=1)
"""So long a failure counts against its node."""
SICK_AFTER = 2
"""So many failures, of different jobs, are no passing trouble of one job's own."""
FIRST_REST, LONGEST_REST = timedelta(hours=1), timedelta(hours=12)
"""From the last failure on: an hour, twice as long with each further one."""
_MOST_FAULTS = 1000
"""So many of a cluster are looked at, the newest."""
_LONGEST_MESSAGE = 500


@dataclass(frozen=True)
class Fault:
    """A failure of a run by its node."""

    node: str
    job_id: str
    at: datetime
    message: str


@dataclass(frozen=True)
class SickNode:
    """A node that all new attempts keep away from."""

    node: str
    faults: int
    since: datetime
    """Its first failure that counts."""
    excluded_until: datetime
    message: str
    """Of the newest."""
    job_ids: tuple[str, ...]


def note_fault(session: Session, cluster: str, fault: Fault) -> None:
    """Remember a failure, and forget those that no longer count."""
    old = NodeFault.at < fault.at - REMEMBERED
    session.execute(delete(NodeFault).where(NodeFault.cluster == cluster, old))
    message = fault.message[:_LONGEST_MESSAGE]
    session.add(NodeFault(cluster=cluster, node=fault.node, job_id=fault.job_id, at=fault.at, message=message))


def faults_of(session: Session, clusters: Sequence[str], now: datetime) -> dict[str, list[Fault]]:
    """The failures that count now, by cluster, the oldest first."""
    own = (NodeFault.cluster.in_(clusters), NodeFault.at > now - REMEMBERED)
    rows = session.scalars(select(NodeFault).where(*own).order_by(NodeFault.id.desc()).limit(_MOST_FAULTS)).all()
    found: dict[str, list[Fault]] = {}
    for row in reversed(rows):
        found.setdefault(row.cluster, []).append(Fault(row.node, row.job_id, row.at, row.message))
    return found


def sick_nodes(faults: Iterable[Fault], now: datetime) -> list[SickNode]:
    """The nodes that nobody is to get now, those first that failed most often. Pure."""
    by_node: dict[str, list[Fault]] = {}
    for fault in faults:
        by_node.setdefault(fault.node, []).append(fault)
    found = [_judged(node, own) for node, own in by_node.items() if len({fault.job_id for fault in own}) >= SICK_AFTER]
    return sorted((sick for sick in found if sick.excluded_until > now), key=lambda sick: (-sick.faults, sick.node))


def nodes_to_avoid(
    faults: Sequence[Fault], job_id: str, usable: Mapping[str, bool], asked: int, now: datetime
) -> tuple[str, ...]:
    """The nodes that a job's next attempt keeps away from, as far as enough others are left. Pure.

    Its own first: on these it has failed. `usable` are the nodes of its partition, and whether Slurm gives them out.
    """
    own = [fault.node for fault in reversed(faults) if fault.job_id == job_id]
    wanted = dict.fromkeys([*own, *(sick.node for sick in sick_nodes(faults, now))])
    known = [node for node in wanted if node in usable]
    left = sum(usable.values()) - max(asked, sum(usable.values()) // 2)
    avoided = []
    for node in known:
        left -= usable[node]
        if left < 0:
            break
        avoided.append(node)
    return tuple(avoided)


def _judged(node: str, own: Sequence[Fault]) -> SickNode:
    rest = min(LONGEST_REST, FIRST_REST * 2.0 ** min(len(own) - SICK_AFTER, 10))
    jobs = tuple(dict.fromkeys(fault.job_id for fault in reversed(own)))
    return SickNode(node, len(own), own[0].at, own[-1].at + rest, own[-1].message, jobs)
