"""Record of a job in its attempts' folders on the cluster: it rebuilds the job's row where the database is lost.

The worker writes it on the login node; a run sees it and cannot change it. Whoever reads it distrusts it all the same:
it is held to the forms that a request is held to.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from tuning.datasets.storage.store import Extension
from tuning.errors import Finding, InvalidInput
from tuning.jobs.attempt.inputs import AttemptInputs
from tuning.jobs.attempt.plan import TrainingData
from tuning.jobs.models import Job
from tuning.jobs.request.config_values import find_unstorable
from tuning.jobs.request.spec import (
    Continuation,
    DatasetId,
    JobId,
    JobName,
    Priority,
    RecipeName,
    Resources,
    SecretName,
    Step,
    Tags,
)
from tuning.llamafactory.config.yaml_text import find_bad_text
from tuning.llamafactory.kinds import Kind
from tuning.people.tokens import USER_NAME

MAX_RECORD_BYTES = 1024 * 1024
"""Sixteen times the largest configuration: with a hundred data sets, each with the names of its columns."""


def _is_plain(value: dict[str, Any]) -> dict[str, Any]:
    finding = next(find_unstorable(value, ()), None) or next(find_bad_text(value, ()), None)
    if finding is not None:
        raise ValueError(finding.message)
    return value


Plain = Annotated[dict[str, Any], AfterValidator(_is_plain)]
OwnerName = Annotated[str, StringConstraints(pattern=USER_NAME)]


class RecordedDataset(BaseModel):
    """A data set that a job trains on."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: DatasetId
    name: JobName
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    extension: Extension
    entry: Plain
    cluster_path: Annotated[str, StringConstraints(pattern=r"^/[^\x00-\x1f\x7f]{0,999}$")] | None = None
    """Path on the cluster, with its media beside it."""


class JobRecord(BaseModel):
    """The job as its row had it when the attempt was submitted."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    form: Literal[1] = 1
    """Of the record itself: a later one may look otherwise."""
    job_id: JobId
    attempt: int = Field(ge=1, le=2**31 - 1)
    token: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
    owner: OwnerName
    name: JobName
    kind: Kind
    recipe: RecipeName | None = None
    priority: Priority = 0
    created_at: AwareDatetime
    config: Plain
    resources: Resources
    tags: Tags = Field(default_factory=dict)
    datasets: tuple[RecordedDataset, ...] = Field(default=(), max_length=100)
    retry_of: JobId | None = None
    source_job: JobId | None = None
    source_checkpoint: Step | None = None
    source: Plain | None = None
    secrets: tuple[SecretName, ...] = Field(default=(), max_length=20)
    keep_checkpoints: int | None = Field(default=None, ge=0, le=1000)
    continuation: Continuation | None = None
    record: Plain | None = None
    """Fields that make the run the same run, as the job's row has them."""


def job_record(job: Job, number: int, token: str, inputs: AttemptInputs, record: Mapping[str, Any]) -> JobRecord:
    """The record of an attempt that is about to be submitted. Not checked: its parts were, when they came in."""
    names = ("name", "kind", "recipe", "priority", "created_at", "config", "retry_of", "source_job")
    columns = {name: getattr(job, name) for name in (*names, "source_checkpoint", "source", "keep_checkpoints")}
    return JobRecord.model_construct(
        **columns,
        job_id=job.id,
        attempt=number,
        token=token,
        owner=inputs.owner,
        resources=Resources.model_construct(**job.resources),
        tags=dict(inputs.tags),
        datasets=tuple(_recorded(data) for data in inputs.uploads),
        secrets=tuple(job.secrets or ()),
        continuation=Continuation.model_validate(job.continuation) if job.continuation else None,
        record=dict(record),
    )


def _recorded(data: TrainingData) -> RecordedDataset:
    values: dict[str, Any] = {
        name: getattr(data, name) for name in ("id", "name", "sha256", "extension", "cluster_path")
    }
    return RecordedDataset.model_construct(**values, entry=dict(data.entry))


def parse_job_record(text: bytes) -> JobRecord:
    """The record that a folder holds. Raises InvalidInput, with the first thing that is wrong, for any other text."""
    try:
        return JobRecord.model_validate_json(text)
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, wrong["loc"]))[:100]
        raise InvalidInput(
            [Finding(("job.json", place), f"{place or 'job.json'}: {str(wrong['msg'])[:200]}")]
        ) from error
