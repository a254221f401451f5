"""A model as answers show it: of a cluster's catalogue, or what a job left."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, Field

from tuning.jobs.queries.results import Result

ModelKind = Literal["catalogue", "result"]


class ModelLineage(BaseModel):
    """Origin of a result: its job, what the job began from, and its data."""

    job_id: str = Field(description="Of the job that left it.")
    job_name: str = Field(description="As that job is called now.")
    base: str = Field(description="The base model's name: a hub id, or a folder's name.")
    source_job: str | None = Field(description="The job whose adapter or model it was made from.")
    source_checkpoint: int | None = Field(description="Which of its checkpoints; null: its final model.")
    datasets: list[str] = Field(description="Ids of uploads, and names that the cluster knows; at most 100.")


class ModelJson(BaseModel):
    """A model of a cluster's catalogue, or what a job left."""

    name: str = Field(
        description="To give as model_name_or_path. Of a catalogue's model the last part of its path and of a hub id "
        "will do; of a result, `ft:<base>:<team>:<name>:<id>`, only the id has to be right."
    )
    cluster: str
    path: str = Field(description="Its folder on the cluster.")
    aliases: list[str] = Field(description="Further names that mean it.")
    kind: ModelKind = Field(default="catalogue", description="A catalogue's model, or the result of a job.")
    owner: str | None = Field(default=None, description="Of a result: the owner of its job.")
    team: str | None = Field(default=None, description="Of a result: the team of its job.")
    created_at: datetime | None = Field(default=None, description="Of a result: the end of its job.")
    checkpoint: int | None = Field(default=None, description="The step of a checkpoint; null: the final model.")
    is_adapter: bool = Field(default=False, description="It is laid over its base model; else it is a whole model.")
    size_bytes: int | None = Field(default=None, description="On the cluster, without checkpoints beside it.")
    is_pinned: bool = Field(default=False, description="Clean-up spares it, as it does what has an alias.")
    granted_to: list[str] = Field(default_factory=list, description="Other teams that may use it.")
    metrics: dict[str, float] = Field(default_factory=dict, description="Those of its job's end.")
    lineage: ModelLineage | None = Field(default=None, description="Of a result: what it was made from.")
    not_served: str | None = Field(
        default=None, description="Why it cannot be talked to, as a sentence; only where one model is shown."
    )

    @classmethod
    def of_result(cls, result: Result, kept: "Keeping", datasets: Sequence[str], path: str) -> Self:
        """From a result and what was decided about it."""
        shared = {name: getattr(result, name) for name in cls.model_fields if hasattr(result, name)}
        origin = {name: getattr(result, name) for name in ModelLineage.model_fields if hasattr(result, name)}
        return cls.model_validate(
            {
                **shared,
                "kind": "result",
                "path": path,
                "aliases": list(kept.aliases),
                "is_pinned": kept.is_pinned,
                "granted_to": sorted(kept.granted_to),
                "metrics": dict(result.metrics),
                "lineage": {**origin, "datasets": list(datasets)},
            }
        )


@dataclass(frozen=True)
class Keeping:
    """Aliases of a result, its pin, and the names of the teams that it was granted to."""

    aliases: Sequence[str] = ()
    is_pinned: bool = False
    granted_to: Collection[str] = ()
