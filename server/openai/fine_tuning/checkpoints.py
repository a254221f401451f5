"""Checkpoints of a job as OpenAI's API shows them."""

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel

from server.openai.fine_tuning.events import metrics_of
from server.openai.fine_tuning.job import seconds_of
from server.openai.ids import fine_tuning_job_id_of
from tuning.errors import NotFound
from tuning.jobs.models import Job
from tuning.jobs.output.checkpoints import SavedCheckpoint
from tuning.jobs.queries.results import name_of

_ID = re.compile(r"ftckpt_([a-z0-9]{1,28})_([1-9][0-9]{0,9})")


class CheckpointMetrics(BaseModel):
    """Values that were logged at a checkpoint's step."""

    step: int
    train_loss: float | None = None
    train_mean_token_accuracy: float | None = None
    valid_loss: float | None = None
    valid_mean_token_accuracy: float | None = None
    full_valid_loss: float | None = None
    full_valid_mean_token_accuracy: float | None = None


class FineTuningCheckpoint(BaseModel):
    """A checkpoint that can be used as a model."""

    id: str
    object: Literal["fine_tuning.job.checkpoint"] = "fine_tuning.job.checkpoint"
    created_at: int
    fine_tuned_model_checkpoint: str
    fine_tuning_job_id: str
    metrics: CheckpointMetrics
    step_number: int


def fine_tuning_checkpoint(job: Job, team: str, saved: SavedCheckpoint) -> FineTuningCheckpoint:
    """A checkpoint of a job whose team has this name."""
    return FineTuningCheckpoint(
        id=f"ftckpt_{job.id.removeprefix('job_')}_{saved.step}",
        created_at=seconds_of(saved.at),
        fine_tuned_model_checkpoint=name_of(job, team, saved.step),
        fine_tuning_job_id=fine_tuning_job_id_of(job.id),
        metrics=_metrics(saved.step, saved.values),
        step_number=saved.step,
    )


def step_of(job_id: str, checkpoint_id: str) -> int:
    """The step of a job's checkpoint by its id. Raises NotFound."""
    found = _ID.fullmatch(checkpoint_id)
    if found is None or f"job_{found[1]}" != job_id:
        raise NotFound(f"there is no checkpoint {checkpoint_id[:80]!a}")
    return int(found[2])


def _metrics(step: int, values: Mapping[str, float | None]) -> CheckpointMetrics:
    named = metrics_of(values)
    known = {name: value for name, value in named.items() if name in CheckpointMetrics.model_fields}
    whole = {"full_valid_loss": named.get("valid_loss"), "train_mean_token_accuracy": named.get("train_accuracy")}
    return CheckpointMetrics.model_validate({**known, **whole, "step": step})
