"""Operations on data sets, recipes, clusters and their queues, as calls. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from packtrain.operations.query import given_query, page_query
from packtrain.schema import (
    Cluster,
    ClusterPage,
    Dataset,
    DatasetPage,
    DatasetReport,
    Preview,
    QueueEntry,
    QueueEntryPage,
    Recipe,
    RecipePage,
    Simulation,
    SimulationRequest,
)
from packtrain.transport.call import UPLOAD_READ_SECONDS, Call, Upload, path_of

SIMULATION_READ_SECONDS = 180.0
"""The server computes for a minute at most, beside all else."""


def upload_dataset(
    name: str, purpose: str | None, entry: Mapping[str, Any] | None, file: tuple[str, Any]
) -> Call[Dataset]:
    """`file`: its name, and what httpx reads it from."""
    given = {"purpose": purpose, "entry": json.dumps(entry) if entry is not None else None}
    fields = {"name": name, **{key: value for key, value in given.items() if value is not None}}
    upload = Upload(fields, {"file": file})
    return Call("POST", "datasets", upload=upload, read_seconds=UPLOAD_READ_SECONDS)


def add_dataset(cluster_path: str, **given: Any) -> Call[Dataset]:
    named = {key: value for key, value in given.items() if value is not None}
    return Call("POST", "datasets", body={"cluster_path": cluster_path, **named})


def datasets(limit: int, after: str | None, **wanted: str | None) -> Call[DatasetPage]:
    """`wanted`: q, owner, sha256."""
    filters = {name: value for name, value in wanted.items() if value is not None}
    return Call("GET", "datasets", page_query(limit, after, filters))


def dataset(dataset_id: str) -> Call[Dataset]:
    return Call("GET", path_of("datasets", dataset_id))


def dataset_report(dataset_id: str, cutoff_len: int | None) -> Call[DatasetReport]:
    return Call("GET", path_of("datasets", dataset_id, "report"), given_query(cutoff_len=cutoff_len))


def dataset_preview(
    dataset_id: str, template: str | None, count: int, first: int, training: Mapping[str, bool]
) -> Call[Preview]:
    query: dict[str, str | int | list[str]] = {"count": count}
    if first != 1:  # servers of before know the first rows alone
        query["first"] = first
    query |= {name: json.dumps(value) for name, value in training.items()}
    query |= {"template": template} if template is not None else {}
    return Call("GET", path_of("datasets", dataset_id, "preview"), query)


def delete_dataset(dataset_id: str) -> Call[None]:
    return Call("DELETE", path_of("datasets", dataset_id))


def recipes() -> Call[RecipePage]:
    return Call("GET", "recipes")


def recipe(name: str) -> Call[Recipe]:
    return Call("GET", path_of("recipes", name))


def clusters() -> Call[ClusterPage]:
    return Call("GET", "clusters")


def cluster(name: str) -> Call[Cluster]:
    return Call("GET", path_of("clusters", name))


def queue(limit: int, after: str | None, cluster: str | None) -> Call[QueueEntryPage]:
    return Call("GET", "queue", page_query(limit, after, {} if cluster is None else {"cluster": cluster}))


def queue_entry(job_id: str) -> Call[QueueEntry]:
    return Call("GET", path_of("jobs", job_id, "queue"))


def simulate_queue(fields: SimulationRequest) -> Call[Simulation]:
    return Call("POST", "queue/simulate", body=fields, read_seconds=SIMULATION_READ_SECONDS)
