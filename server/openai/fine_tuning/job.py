"""A job as OpenAI's API shows it: from its row and what belongs to it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from server.openai.fine_tuning.hyperparameters import hyperparameters_of
from server.openai.fine_tuning.request import RECIPES, STAGES
from server.openai.fine_tuning.wandb import integrations_of
from server.openai.ids import file_id_of, fine_tuning_job_id_of, result_file_id_of
from tuning.datasets.status import DatasetStatus
from tuning.jobs.actions.refused_data import REFUSED_TRAINING_DATA, REFUSED_VALIDATION_DATA
from tuning.jobs.models import Job
from tuning.jobs.request.resources import world_size
from tuning.jobs.status import ENDED, IN_OUR_QUEUE, JobStatus
from tuning.llamafactory.config.references import names
from tuning.recipes.catalogue import recipes

Status = Literal["validating_files", "queued", "running", "succeeded", "failed", "cancelled"]
_STATUSES: Mapping[JobStatus, Status] = {
    JobStatus.HELD: "queued",
    JobStatus.QUEUED: "queued",
    JobStatus.SUBMITTING: "queued",
    JobStatus.PENDING: "queued",
    JobStatus.RUNNING: "running",
    JobStatus.SUCCEEDED: "succeeded",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "cancelled",
}
_METHODS = {stage: method for method, stage in STAGES.items()}
_PARAMS = {REFUSED_TRAINING_DATA: "training_file", REFUSED_VALIDATION_DATA: "validation_file"}
_USUAL_SEED = 42
"""LLaMA-Factory's, where none is given."""


class JobError(BaseModel):
    """Cause of a job's failure."""

    code: str
    message: str
    param: str | None


class FineTuningJob(BaseModel):
    """A fine-tuning job."""

    id: str
    object: Literal["fine_tuning.job"] = "fine_tuning.job"
    created_at: int
    error: JobError | None
    estimated_finish: int | None
    fine_tuned_model: str | None
    finished_at: int | None
    hyperparameters: dict[str, Any]
    integrations: list[dict[str, Any]] | None
    metadata: dict[str, str] | None
    method: dict[str, Any] | None
    model: str
    organization_id: str
    result_files: list[str]
    seed: int
    status: Status
    trained_tokens: int | None
    training_file: str
    user_provided_suffix: str
    validation_file: str | None


@dataclass(frozen=True)
class JobParts:
    """Parts of a job's answer that are not in its row."""

    model: str
    """The base model's name."""
    result: str
    """The name of what it leaves."""
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: Sequence[str] = ()
    """Ids of the uploads that it works on."""
    checked: Mapping[str, DatasetStatus] = field(default_factory=dict)
    """Status of those that are known, by id."""
    expected_end_at: datetime | None = None


def fine_tuning_job(job: Job, parts: JobParts) -> FineTuningJob:
    """The answer."""
    training, validation = _files(job, parts)
    method, hyperparameters = _method(job)
    return FineTuningJob(
        id=fine_tuning_job_id_of(job.id),
        created_at=seconds_of(job.created_at),
        error=_error(job),
        estimated_finish=None if job.status in ENDED else _seconds(parts.expected_end_at),
        fine_tuned_model=parts.result if job.status is JobStatus.SUCCEEDED else None,
        finished_at=_seconds(job.finished_at),
        hyperparameters=hyperparameters,
        integrations=integrations_of(job.config, job.environment or {}),
        metadata=dict(parts.tags) or None,
        method=method,
        model=parts.model,
        organization_id=job.team_id,
        result_files=[result_file_id_of(job.id)] if job.status in ENDED and job.current_steps else [],
        seed=_seed(job),
        status=status_of(job, parts.checked.values()),
        trained_tokens=_tokens(job),
        training_file=training,
        user_provided_suffix=job.name,
        validation_file=validation,
    )


def status_of(job: Job, data: Any) -> Status:
    """The status in OpenAI's words, by the statuses of its data."""
    if job.status in IN_OUR_QUEUE and DatasetStatus.CHECKING in data:
        return "validating_files"
    return _STATUSES[job.status]


def seconds_of(at: datetime) -> int:
    """A time as OpenAI's API tells it."""
    return int(at.timestamp())


def _seconds(at: datetime | None) -> int | None:
    return seconds_of(at) if at is not None else None


def _files(job: Job, parts: JobParts) -> tuple[str, str | None]:
    """The first data set of training and that of validation; one that the cluster knows goes by its name."""
    evaluated = names(job.config.get("eval_dataset"))
    trained = [dataset_id for dataset_id in parts.datasets if dataset_id not in evaluated]
    trained += names(job.config.get("dataset"))
    validation = _file(evaluated[0]) if evaluated else None
    return _file(trained[0]) if trained else "", validation


def _file(name: str) -> str:
    return file_id_of(name) if name.startswith("ds_") else name


def _method(job: Job) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Its method with hyperparameters, None for a stage that OpenAI does not know; and the hyperparameters."""
    method = _METHODS.get(str(job.config.get("stage", "sft")))
    recipe = recipes().get(job.recipe or RECIPES.get(method or "", ""))
    base = recipe.config if recipe is not None else {}
    found = hyperparameters_of(job.config, base, world_size(job.resources))
    usual = {name: value for name, value in found.items() if name != "beta"}
    return ({"type": method, method: {"hyperparameters": found}} if method is not None else None), usual


def _error(job: Job) -> JobError | None:
    failure = job.failure
    if job.status is not JobStatus.FAILED or not failure:
        return None
    hint = f" ({failure['hint']})" if failure.get("hint") else ""
    code = str(failure["code"])
    return JobError(code=code, message=f"{failure['message']}{hint}", param=_PARAMS.get(code))


def _seed(job: Job) -> int:
    seed = (job.record or {}).get("seed")
    seed = seed if seed is not None else job.config.get("seed")
    return int(seed) if isinstance(seed, int) else _USUAL_SEED


def _tokens(job: Job) -> int | None:
    tokens = (job.result or {}).get("tokens")
    return int(tokens) if isinstance(tokens, int | float) and job.status in ENDED else None
