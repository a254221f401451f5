"""Values of the clusters page: each cluster's answer, its nodes drawn, what waits inside Slurm, and its budget."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from server.answers.clusters import shown_clusters
from server.dashboard.clusters.nodes import GpuState, ShownNode, gpu_counts, shown_node
from server.feed.cache import Feed
from server.feed.queue.view import QueueView
from server.schemas.cluster import ClusterJson, PartitionJson
from tuning.clusters.snapshot import partitions_of
from tuning.jobs.queries.queue.node_use import OwnGpus, own_gpus
from tuning.jobs.status import JobStatus
from tuning.people.tokens import Principal
from tuning.settings import ClusterSettings


@dataclass(frozen=True)
class ShownPartition:
    """A partition, and how many of our jobs wait for it."""

    its: PartitionJson
    gpu_types: Mapping[str, int]
    in_slurm: int
    """Of ours that wait inside Slurm."""
    here: int
    """Of ours that wait in our own queue."""


@dataclass(frozen=True)
class Budget:
    """Commands on the login node, as the worker counted them; None = it did not tell."""

    commands_last_minute: int | None
    commands_allowed: int
    connections_last_minute: int | None
    connections_allowed: int
    commands: int | None
    """Since the worker began, like the next two."""
    transfers: int | None
    connections: int | None
    cycle_seconds: float | None
    """Duration of the last whole cycle."""
    is_paused: bool
    """Whether the login node is left alone, since it did not answer."""


@dataclass(frozen=True)
class ShownCluster:
    """Contents of the page for one cluster."""

    its: ClusterJson
    nodes: Sequence[ShownNode]
    gpus: Mapping[GpuState, int]
    partitions: Sequence[ShownPartition]
    window_jobs: int
    budget: Budget

    @property
    def all_gpus(self) -> int:
        """GPUs of all nodes, whatever state they are in."""
        return sum(self.gpus.values())


def clusters_on_page(
    session: Session, feed: Feed, settings: Sequence[ClusterSettings], now: datetime, reader: Principal
) -> list[ShownCluster]:
    """The clusters as last seen; nothing is asked of them for this."""
    answers = shown_clusters(session, settings, feed.workers, now, reader)
    return [_shown(session, feed, its, answer) for its, answer in zip(settings, answers, strict=True)]


def _shown(session: Session, feed: Feed, settings: ClusterSettings, answer: ClusterJson) -> ShownCluster:
    view = feed.queues.view(session, settings.name)
    snapshot, described_at = view.readings.snapshot, view.readings.snapshot_at
    own = own_gpus(session, settings.name, described_at) if described_at is not None else {}
    nodes = [shown_node(node, own.get(node.name, OwnGpus())) for node in (snapshot.nodes if snapshot else ())]
    nodes.sort(key=lambda node: node.name)
    waits = {where: _by_partition(view, is_in_slurm=where) for where in (True, False)}
    return ShownCluster(
        its=answer,
        nodes=nodes,
        gpus=gpu_counts(nodes),
        partitions=[
            ShownPartition(each, _types(nodes, each.name), waits[True][each.name], waits[False][each.name])
            for each in answer.partitions
        ],
        window_jobs=settings.window_jobs,
        budget=_budget(settings, answer.commands),
    )


def _by_partition(view: QueueView, *, is_in_slurm: bool) -> Counter[str]:
    """Jobs that wait inside Slurm, or here; one that may start in several partitions counts in each."""
    counts = Counter[str]()
    for row in view.rows:
        if (row.status is not JobStatus.QUEUED) is is_in_slurm and view.readings.snapshot is not None:
            counts.update(partitions_of(view.readings.snapshot, row.partition))
    return counts


def _types(nodes: Sequence[ShownNode], partition: str) -> Mapping[str, int]:
    counts = Counter[str]()
    for node in nodes:
        if partition in node.partitions:
            counts.update(node.gpu_types)
    return counts


def _budget(settings: ClusterSettings, told: Mapping[str, Any]) -> Budget:
    return Budget(
        commands_last_minute=_count(told, "commands_last_minute"),
        commands_allowed=settings.commands_per_minute,
        connections_last_minute=_count(told, "connections_last_minute"),
        connections_allowed=settings.connections_per_minute,
        commands=_count(told, "commands"),
        transfers=_count(told, "transfers"),
        connections=_count(told, "connections"),
        cycle_seconds=_number(told, "cycle_seconds"),
        is_paused=told.get("breaker_open") is True,
    )


def _number(told: Mapping[str, Any], name: str) -> float | None:
    value = told.get(name)
    return float(value) if isinstance(value, int | float) else None


def _count(told: Mapping[str, Any], name: str) -> int | None:
    value = told.get(name)
    return value if isinstance(value, int) else None
