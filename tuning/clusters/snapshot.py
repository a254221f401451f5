"""A cluster as it last described itself: what its row keeps, and what requests are checked against. Pure.

The driver writes this form (`to_json` of what tuning.slurm found out), the server reads it.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

_KEEPS_TO_ITSELF = ConfigDict(extra="ignore")


@dataclass(frozen=True, config=_KEEPS_TO_ITSELF)
class Partition:
    """A partition of Slurm."""

    name: str
    is_default: bool = False
    max_time_seconds: int | None = None
    """None = unlimited."""
    state: str | None = None


@dataclass(frozen=True, config=_KEEPS_TO_ITSELF)
class Node:
    """A node of Slurm."""

    name: str
    partitions: tuple[str, ...] = ()
    state: str | None = None
    """As Slurm says it."""
    is_usable: bool = True
    """Neither down nor drained."""
    cpus: int = 0
    memory_mb: int = 0
    gpus: int = 0
    gpus_in_use: int = 0
    gpu_types: Mapping[str, int] = field(default_factory=dict)
    """GPUs of each type that Slurm names."""
    gpu_types_in_use: Mapping[str, int] = field(default_factory=dict)
    """Of a node with several types, those in use whose type Slurm names."""


@dataclass(frozen=True, config=_KEEPS_TO_ITSELF)
class Snapshot:
    """Description of a cluster: nodes, partitions, data sets, models."""

    partitions: tuple[Partition, ...] = ()
    nodes: tuple[Node, ...] = ()
    datasets: Mapping[str, Mapping[str, Any]] | None = None
    """The entries of the LLaMA-Factory checkout's dataset_info.json; None = there is none, or it cannot be read."""
    slurm_version: str | None = None
    model_configs: Mapping[str, str] = field(default_factory=dict)
    """The config.json of models of the catalogue, by path."""
    model_files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Further files of their folders, by path (tuning.llamafactory.model_files.described)."""


_FORM = TypeAdapter(Snapshot)


def read_snapshot(stored: Mapping[str, Any]) -> Snapshot:
    """From the row's JSON. Raises pydantic.ValidationError for another form."""
    return _FORM.validate_python(stored)


def partitions_of(snapshot: Snapshot, asked: str | None) -> frozenset[str]:
    """The partitions that a job may start in: those that it asks for, or Slurm's default, where that is known."""
    default = (partition.name for partition in snapshot.partitions if partition.is_default)
    return frozenset(asked.split(",") if asked else default)


def nodes_for(snapshot: Snapshot, asked: str | None) -> list[Node]:
    """The nodes of these partitions."""
    wanted = partitions_of(snapshot, asked)
    return [node for node in snapshot.nodes if wanted.intersection(node.partitions)]
