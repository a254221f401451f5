"""Clusters as answers show them: as last seen, with their jobs, troubles and sick nodes."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from server.clusters.worker_watch import WorkerWatch
from server.schemas.cluster import MOST_TROUBLES, ClusterJson, ClusterTroubles
from tuning.clusters.repository import cluster_rows, worker_sign
from tuning.clusters.sick_nodes import SickNode, faults_of, sick_nodes
from tuning.jobs.queries.requests import active_counts
from tuning.jobs.queries.seen_jobs import seen_among
from tuning.jobs.troubles import OF_THE_CLUSTER, newest
from tuning.jobs.troubles import counts as trouble_counts
from tuning.people.tokens import Principal
from tuning.settings import ClusterSettings


def shown_clusters(
    session: Session, wanted: Sequence[ClusterSettings], workers: WorkerWatch, now: datetime, reader: Principal
) -> list[ClusterJson]:
    """The clusters as last seen; nothing is asked of them for this. Jobs are named to those who may see them."""
    names = [settings.name for settings in wanted]
    rows = cluster_rows(session, names)
    for row in rows.values():
        workers.see(worker_sign(row))
    jobs: dict[str, dict[str, int]] = {}
    for cluster, status, count in active_counts(session, names):
        jobs.setdefault(cluster, {})[status] = count
    troubles = _troubles(session, names)
    faults = faults_of(session, names, now)
    sick = {settings.name: sick_nodes(faults.get(settings.name, ()), now) for settings in wanted}
    seen = seen_among(session, _named(troubles.values(), sick.values()), reader)
    return [
        ClusterJson.of(
            settings,
            rows.get(settings.name),
            jobs.get(settings.name, {}),
            _seen_troubles(troubles.get(settings.name, ClusterTroubles()), seen, reader),
            workers.absence(settings.name),
            [_seen_node(node, seen) for node in sick[settings.name]],
        )
        for settings in wanted
    ]


def _troubles(session: Session, names: Sequence[str]) -> dict[str, ClusterTroubles]:
    """Of the clusters that have any."""
    counted: dict[str, int] = {}
    for cluster, _, count in trouble_counts(session):
        counted[cluster] = counted.get(cluster, 0) + count
    of_ours = {name: counted[name] for name in names if name in counted}
    return {name: ClusterTroubles(newest(session, name, MOST_TROUBLES), count) for name, count in of_ours.items()}


def _named(troubles: Iterable[ClusterTroubles], sick: Iterable[Iterable[SickNode]]) -> set[str]:
    """Ids of the jobs that troubles and sick nodes name."""
    in_trouble = {row.job_id for of_cluster in troubles for row in of_cluster.newest if row.job_id is not None}
    return in_trouble | {job_id for nodes in sick for node in nodes for job_id in node.job_ids}


def _seen_troubles(troubles: ClusterTroubles, seen: Collection[str], reader: Principal) -> ClusterTroubles:
    """Those of jobs that the reader may see, and of steps as wholes; all are counted."""
    if reader.sees_all:
        return troubles
    shown = [row for row in troubles.newest if row.job_id in seen or row.subject == OF_THE_CLUSTER]
    return replace(troubles, newest=shown)


def _seen_node(node: SickNode, seen: Collection[str]) -> SickNode:
    return replace(node, job_ids=tuple(job_id for job_id in node.job_ids if job_id in seen))
