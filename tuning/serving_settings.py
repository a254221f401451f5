"""Settings of served models on one cluster: class, idle time, longest life, resources."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

_MEMORY = r"^(0|[1-9][0-9]{0,8}[KMGT]?)$"


class ServingSettings(BaseModel):
    """Part of a cluster's settings; partition, account and QOS are those of `defaults`."""

    serve_class: Literal["normal", "scavenger"] = "normal"
    """`scavenger`: trainings that wait for GPUs take those of served models."""
    serve_idle_seconds: float = Field(default=900.0, ge=10, le=7 * 24 * 3600)
    """A served model that nobody talks to for so long is ended."""
    serve_life_seconds: int = Field(default=8 * 3600, ge=60, le=30 * 24 * 3600)
    """The longest life of a served model: its time limit in Slurm."""
    serve_gpus: int = Field(default=1, ge=0, le=64)
    """GPUs of a served model, on one node."""
    serve_memory: Annotated[str, Field(pattern=_MEMORY)] | None = None
    """Memory of a served model, as `sbatch --mem` takes it; by default that of `defaults`."""
    serve_requests_at_once: int = Field(default=32, ge=1, le=256)
    """Answers that a served model generates at once; more requests wait."""
