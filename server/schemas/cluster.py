"""A cluster as answers show it: what it has, and how it was when last seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from tuning.clusters.attendance import Absence
from tuning.clusters.models import ClusterRow
from tuning.clusters.sick_nodes import SickNode
from tuning.clusters.snapshot import Node, Snapshot, read_snapshot
from tuning.jobs.models import Trouble
from tuning.jobs.status import JobStatus
from tuning.settings import ClusterSettings

MOST_TROUBLES = 20


class GpuCount(BaseModel):
    """GPUs of usable nodes."""

    free: int
    total: int

    @classmethod
    def of(cls, nodes: Sequence[Node]) -> Self:
        """Counted over these nodes."""
        usable = [node for node in nodes if node.is_usable]
        total, used = sum(node.gpus for node in usable), sum(node.gpus_in_use for node in usable)
        return cls(free=max(total - used, 0), total=total)


class PartitionJson(BaseModel):
    """A partition of Slurm."""

    name: str
    is_default: bool
    state: str | None
    max_time_seconds: int | None = Field(description="Null = unlimited.")
    nodes: int
    gpus: GpuCount


class NodeJson(BaseModel):
    """A node of Slurm."""

    name: str
    state: str | None
    partitions: list[str]
    cpus: int
    gpu_type: str | None = Field(description="As Slurm calls it; of several types the one that it has most of.")
    gpu_types: dict[str, int] = Field(description="How many GPUs it has of each type that Slurm names.")
    gpus: GpuCount


class TroubleJson(BaseModel):
    """A step that failed at one job, or as a whole; it is tried again by itself."""

    job_id: str | None = Field(description="Null: the step failed as a whole, or at what several jobs need.")
    subject: str | None = Field(description="The id of a data set, or a hash; null for a job, and for the whole step.")
    step: str
    error: str = Field(description="The class of the error; the log and `packtrain clusters doctor` say more.")
    since: datetime
    failures: int = Field(description="In a row.")
    next_try_at: datetime

    @classmethod
    def of(cls, row: Trouble) -> Self:
        """Without the error's words, which may be of somebody's data."""
        return cls(
            job_id=row.job_id,
            subject=None if row.job_id is not None else row.subject or None,
            step=row.step,
            error=row.error,
            since=row.since,
            failures=row.failures,
            next_try_at=row.next_try_at,
        )


class SickNodeJson(BaseModel):
    """A node on which runs failed by hardware's words: new attempts keep away from it for a while."""

    node: str = Field(description="Its name.")
    faults: int = Field(description="How many runs failed on it in the last day.")
    since: datetime = Field(description="The first of these failures.")
    excluded_until: datetime = Field(description="Until then no attempt is sent to it.")
    message: str = Field(description="The newest failure.")
    job_ids: list[str] = Field(description="Ids of the jobs that failed on it and that you may see, the newest first.")


class ClusterJson(BaseModel):
    """A cluster as last seen; nothing is asked of it for this."""

    name: str
    reachable: bool | None = Field(
        description="False too while no worker drives the cluster; null before a worker has tried."
    )
    reached_at: datetime | None = Field(description="End of the last cycle of a worker in which the cluster answered.")
    unreachable_since: datetime | None = Field(
        description="Since when the cluster does not answer, or since when no worker asks it."
    )
    unreachable_reason: str | None = Field(description="Which of both, in words.")
    unattended_since: datetime | None = Field(
        default=None, description="Since when no worker drives it; null while one does, or before the first."
    )
    described_at: datetime | None = Field(description="The time at which partitions, nodes and GPUs were last seen.")
    slurm_version: str | None
    partitions: list[PartitionJson]
    nodes: list[NodeJson]
    gpus: GpuCount
    models: list[str] = Field(description="Names to give as model_name_or_path.")
    datasets: list[str] | None = Field(description="Names to give as config.dataset; null = not known.")
    jobs: dict[str, int] = Field(description="packtrain's jobs that have not ended, by status.")
    pending: int = Field(description="Of these, how many wait: here or in Slurm's queue.")
    commands: dict[str, Any] = Field(description="The budget on the login node that was used, as the worker counts it.")
    troubles: list[TroubleJson] = Field(
        description=f"Failures: of the newest {MOST_TROUBLES} those of whole steps, and of jobs that you may see."
    )
    trouble_count: int = Field(description="The number of all of them.")
    sick_nodes: list[SickNodeJson] = Field(description="Nodes that are excluded now, since runs failed on them.")

    @classmethod
    def of(
        cls,
        settings: ClusterSettings,
        row: ClusterRow | None,
        jobs: dict[str, int],
        troubles: "ClusterTroubles",
        absence: Absence | None,
        sick: Sequence[SickNode] = (),
    ) -> Self:
        """From what the settings, the driver and the jobs say; `absence` is that of its worker."""
        seen = read_snapshot(row.snapshot) if row is not None and row.snapshot else Snapshot()
        waiting = (JobStatus.QUEUED, JobStatus.SUBMITTING, JobStatus.PENDING)
        return cls(
            name=settings.name,
            reachable=_is_reachable(row, absence),
            reached_at=row.reached_at if row else None,
            unreachable_since=_unreachable_since(row, absence),
            unreachable_reason=_unreachable_reason(row, absence),
            unattended_since=absence.since if absence is not None else None,
            described_at=row.snapshot_at if row else None,
            slurm_version=seen.slurm_version,
            partitions=_partitions(seen),
            nodes=[_node(node) for node in seen.nodes],
            gpus=GpuCount.of(seen.nodes),
            models=sorted(settings.models),
            datasets=sorted(seen.datasets) if seen.datasets is not None else None,
            jobs=jobs,
            pending=sum(jobs.get(status, 0) for status in waiting),
            commands=(row.commands if row else None) or {},
            troubles=[TroubleJson.of(trouble) for trouble in troubles.newest],
            trouble_count=troubles.count,
            sick_nodes=[SickNodeJson.model_validate(node, from_attributes=True) for node in sick],
        )


@dataclass(frozen=True)
class ClusterTroubles:
    """The newest failures of steps at a cluster, and the number of all of them."""

    newest: Sequence[Trouble] = ()
    count: int = 0


def _is_reachable(row: ClusterRow | None, absence: Absence | None) -> bool | None:
    if absence is not None:
        return False
    if row is None or (row.reached_at is None and row.unreachable_since is None):
        return None
    return row.unreachable_since is None


def _unreachable_since(row: ClusterRow | None, absence: Absence | None) -> datetime | None:
    """The earlier of both: nothing newer has been known of the cluster since."""
    times = (row.unreachable_since if row else None, absence.since if absence is not None else None)
    return min((time for time in times if time is not None), default=None)


def _unreachable_reason(row: ClusterRow | None, absence: Absence | None) -> str | None:
    said = row.unreachable_reason if row else None
    if absence is None:
        return said
    sentence = absence.sentence("this cluster")
    return f"{sentence}; before that: {said}" if said else sentence


def _partitions(seen: Snapshot) -> list[PartitionJson]:
    found = []
    for partition in sorted(
        seen.partitions, key=lambda partition: (not partition.is_default, partition.name)
    ):  # sinfo shuffles them
        nodes = [node for node in seen.nodes if partition.name in node.partitions]
        found.append(
            PartitionJson(
                name=partition.name,
                is_default=partition.is_default,
                state=partition.state,
                max_time_seconds=partition.max_time_seconds,
                nodes=len(nodes),
                gpus=GpuCount.of(nodes),
            )
        )
    return found


def _node(node: Node) -> NodeJson:
    return NodeJson(
        name=node.name,
        state=node.state,
        partitions=list(node.partitions),
        cpus=node.cpus,
        gpu_type=max(node.gpu_types, key=lambda name: node.gpu_types[name], default=None),
        gpu_types=dict(node.gpu_types),
        gpus=GpuCount.of([node]),
    )
