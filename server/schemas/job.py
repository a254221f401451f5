"""A job as the API shows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from server.feed.progress import Progress
from server.feed.queue.view import Outlook, expected_values
from server.schemas.summaries import shortened
from tuning.clusters.attendance import Absence
from tuning.jobs.models import Attempt, Job
from tuning.jobs.queries.requests import Belongings
from tuning.jobs.queries.results import left_model, name_of
from tuning.jobs.request.spec import Continuation, JobClassWord, Resources, ResumeFrom
from tuning.jobs.status import AWAITS_WORKER, IN_OUR_QUEUE, JobStatus

# Of JSON, in a list. A usual configuration has 1 kB: of a usual job nothing is left out.
_MOST_BYTES = {
    "config": 4096,
    "attempts": 4096,
    "tags": 2048,
    "datasets": 1024,
    "depends_on": 1024,
    "result": 2048,
    "status_reason": 1024,
    "slurm_reason": 1024,
}
_MOST_BYTES_WITHIN = {
    "failure": {"message": 1024, "hint": 1024, "evidence": 2048},
    "record": {"dataset_sha256s": 1024},
}


class JobAttempt(BaseModel):
    """One submission to Slurm."""

    number: int
    slurm_job_id: int | None
    slurm_state: str | None
    submitted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    exit_code: int | None
    nodes: str | None
    ended_by: str | None = Field(
        description="succeeded, failed, cancelled, held; or what the job went on after: timeout, preempted, node_fail, "
        "node_fault (by the words of its hardware), stalled, interrupted (by a signal that nobody here sent), "
        "released, yielded (to an urgent job)."
    )
    resumed_step: int | None = Field(description="The checkpoint that it went on from; 0 = from the start.")
    first_step: int | None
    last_step: int | None


class Failure(BaseModel):
    """Cause of a job's failure, and the advice on it."""

    code: str
    message: str
    hint: str | None
    evidence: list[str] = Field(description="The lines of the logs that show it, at most ten.")
    retry: dict[str, Any] | None = Field(
        default=None,
        description="A ready body for `POST /jobs/{id}/retry`: {} = the same again, null = correct something first.",
    )


class Record(BaseModel):
    """With what exactly the job ran."""

    image_digest: str | None = None
    llamafactory_version: str | None = None
    config_sha256: str | None = None
    dataset_sha256s: list[str] | None = None
    script_sha256: str | None = None
    seed: int | None = None


@dataclass(frozen=True)
class JobNames:
    """Names of a job's owner and team, which its row knows by id."""

    owner: str
    team: str


class JobLinks(BaseModel):
    """Paths of a job and of all that belongs to it on this server."""

    self: str
    progress: str
    metrics: str
    events: str
    logs: str
    artifacts: str
    archive: str
    checkpoints: str
    script: str
    config: str


class JobJson(BaseModel):
    """A job."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    id: str
    object: Literal["job"] = "job"
    name: str
    kind: str
    status: JobStatus
    status_reason: str | None
    owner: str
    team: str = Field(description="Team whose share it uses.")
    job_class: JobClassWord = Field(alias="class", description="`urgent` comes before `normal`, then `scavenger`.")
    created_at: datetime
    submitted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    cluster: str
    slurm_job_id: int | None
    slurm_state: str | None = Field(description="As Slurm says it.")
    slurm_reason: str | None
    attempt: int
    attempts: list[JobAttempt]
    resources: Resources
    recipe: str | None
    source_job: str | None
    checkpoint: int | None = Field(description="Of the source job; null = its final model.")
    resume_from: ResumeFrom | None = Field(
        description="The checkpoint of an earlier job that it goes on from, while it has none of its own."
    )
    depends_on: list[str]
    secrets: list[str] = Field(description="Names only.")
    environment: dict[str, str] = Field(description="Variables that its owner gives its run.")
    keep_checkpoints: int | None
    continuation: Continuation | None
    config: dict[str, Any]
    datasets: list[str]
    tags: dict[str, str]
    priority: int
    queue_position: int | None = Field(description="In packtrain's own queue of the cluster, from 1.")
    progress: Progress
    failure: Failure | None
    result: dict[str, Any] | None
    model: str | None = Field(
        description="Name of the model that it left: `ft:<base>:<team>:<name>:<id>`; null until it has succeeded."
    )
    record: Record
    retry_of: str | None
    cancel_requested_at: datetime | None
    hold_requested_at: datetime | None
    unreachable_since: datetime | None
    shortened: list[str] = Field(
        default_factory=list,
        description="In lists: the fields that are too large for one, of which only a part is here (the first of "
        "`config`, the last of `attempts`); `GET /jobs/{id}` has all of it.",
    )
    links: JobLinks

    @classmethod
    def of(
        cls,
        job: Job,
        names: JobNames,
        belongings: Belongings,
        outlook: Outlook | None = None,
        absence: Absence | None = None,
    ) -> Self:
        """From its row and what belongs to it; `outlook` is that of a waiting job, `absence` its cluster's worker's."""
        return cls.model_validate(_values(job, names, belongings, outlook, absence))

    @classmethod
    def summary(
        cls,
        job: Job,
        names: JobNames,
        belongings: Belongings,
        outlook: Outlook | None = None,
        absence: Absence | None = None,
    ) -> Self:
        """A job as a list shows it: some 20 kB of JSON at most, whatever its owner and its run have written."""
        values, changed = shortened(_values(job, names, belongings, outlook, absence), _MOST_BYTES)
        for name, most_bytes in _MOST_BYTES_WITHIN.items():
            if values[name]:
                values[name], within = shortened(values[name], most_bytes)
                changed += [f"{name}.{part}" for part in within]
        return cls.model_validate({**values, "shortened": changed})


def job_path(job_id: str) -> str:
    """Path of a job on this server."""
    return f"/api/v1/jobs/{job_id}"


def _values(
    job: Job, names: JobNames, belongings: Belongings, outlook: Outlook | None, absence: Absence | None
) -> dict[str, Any]:
    position = outlook.position if outlook is not None and job.status in IN_OUR_QUEUE else None
    absence = absence if job.status in AWAITS_WORKER else None
    unattended_since = absence.since if absence is not None else None
    own = {"queue_position": position, "unattended_since": unattended_since}
    return {
        **_shared(JobJson, job),
        "status_reason": _reason(job, absence),
        "owner": names.owner,
        "team": names.team,
        "model": name_of(job, names.team) if left_model(job) else None,
        "checkpoint": job.source_checkpoint,
        "resume_from": {"job": job.resume_job, "checkpoint": job.resume_checkpoint} if job.resume_job else None,
        "secrets": job.secrets or [],
        "environment": job.environment or {},
        "depends_on": list(belongings.dependencies.get(job.id, ())),
        "attempts": [_shared(JobAttempt, attempt) for attempt in belongings.attempts.get(job.id, ())],
        "datasets": list(belongings.datasets.get(job.id, ())),
        "tags": dict(belongings.tags.get(job.id, {})),
        "queue_position": position,
        "progress": {**_shared(Progress, job), "job_id": job.id, **own, **expected_values(outlook, job.updated_at)},
        "record": job.record or {},
        "links": _links(job.id),
    }


def _reason(job: Job, absence: Absence | None) -> str | None:
    """Reason for which a job stands where it does; what was known before its worker went stays behind it."""
    if absence is None:
        return job.status_reason
    sentence = absence.sentence(f"the cluster {job.cluster}")
    return f"{sentence}; before that: {job.status_reason}" if job.status_reason else sentence


def _shared(model: type[BaseModel], row: Job | Attempt) -> dict[str, Any]:
    return {name: getattr(row, name) for name in model.model_fields if hasattr(row, name)}


def _links(job_id: str) -> dict[str, str]:
    path = job_path(job_id)
    return {"self": path, **{name: f"{path}/{name}" for name in JobLinks.model_fields if name != "self"}}
