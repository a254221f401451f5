"""Route of `POST /jobs/validate`: everything that would be refused, and the script; nothing is stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.orm import Session

from server.clusters.checkout_texts import read_checkout_texts
from server.clusters.slurm_trial import SlurmTrials
from server.dependencies import ClusterFilesDep, FeedDep, FeedUser, NowDep, SessionsDep, TrialsDep
from server.feed.queue.board import QueueBoard
from server.feed.queue.readings import exceeded_hours
from server.http.errors.findings import from_pydantic, placed
from server.http.errors.problems import ProblemError, finding_json, responses
from server.job_surroundings import SiteDep, limited_job, surroundings_of
from server.schemas.queue import Expected, expected_times
from tuning.clusters.trials import TrialAnswer
from tuning.db.engine import transaction
from tuning.errors import Finding, InvalidInput
from tuning.jobs.actions.checked_request import CheckedRequest
from tuning.jobs.actions.intake import Surroundings, check_request
from tuning.jobs.attempt.batch_script import directives_of
from tuning.jobs.attempt.plan import AttemptPlan, RunOf, plan_attempt
from tuning.jobs.queries.save_times import longest_save_like
from tuning.jobs.queries.use.leaving_hours import leaving_hours
from tuning.jobs.request.spec import JobRequest
from tuning.jobs.request.time_limit import parse_time_limit
from tuning.jobs.sight import seen_by
from tuning.people.tokens import Principal
from tuning.queue.limits.words import held_words
from tuning.queue.waiting_job import JobClass, Person, WaitingJob

router = APIRouter(prefix="/jobs", tags=["jobs"])

PREVIEW_ID = "job_00000000000000000000"
"""Stands in a preview where the job's own id will be."""


class GpuMemory(BaseModel):
    """Bytes on one GPU while training, estimated from the model's shape (docs/user-guide.md)."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    total: int


class ExpectedStart(Expected):
    """The place that the job would have in the queue, and its forecast."""

    position: int = Field(description="From 1, in packtrain's own queue of the cluster.")


class Estimates(BaseModel):
    """Resources that the job would use, and when it would start."""

    gpus: int
    time_limit_seconds: int
    gpu_hours_at_most: float
    gpu_memory: GpuMemory | None = Field(
        description="Null where neither the model's config.json nor its tensors tell its shape."
    )
    starts_at: datetime | None = Field(
        description="The time at which Slurm would start it now (sbatch --test-only); null where it gave none."
    )
    start: ExpectedStart = Field(description="As `GET /jobs/{id}/queue` would tell it, were the job queued now.")


class Validation(BaseModel):
    """Validation of a request for a job: the findings, and the script, configuration and estimates of its run."""

    valid: bool
    errors: list[ProblemError]
    warnings: list[ProblemError]
    notes: list[str] = Field(
        description="Remarks: the configuration as it was read, a limit at which it would wait, a Slurm that was not "
        "asked."
    )
    script: str | None
    config_yaml: str | None
    estimates: Estimates | None


@dataclass(frozen=True)
class _Checked:
    """Findings, plan and place of a request, before Slurm is asked."""

    findings: Sequence[Finding]
    request: CheckedRequest | None = None
    plan: AttemptPlan | None = None
    start: ExpectedStart | None = None
    limit: str | None = None
    """In words, the limit at which it would wait."""


@dataclass(frozen=True)
class StartSources:
    """Sources of the start of a job that is not queued yet: Slurm's own word, and our queue."""

    trials: SlurmTrials | None
    """None where Slurm is not to be asked."""
    queues: QueueBoard


async def get_start_sources(
    trials: TrialsDep,
    feed: FeedDep,
    ask_slurm: Annotated[bool, Query(description="False: at once, without the word of the cluster's Slurm.")] = True,
) -> StartSources:
    """For the route."""
    return StartSources(trials if ask_slurm else None, feed.queues)


StartSourcesDep = Annotated[StartSources, Depends(get_start_sources)]


@router.post(
    "/validate",
    responses=responses(503),
    openapi_extra={
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/JobRequest"}}}}
    },
)
async def validate_job(
    body: Annotated[dict[str, Any], Body()],
    sessions: SessionsDep,
    site: SiteDep,
    sources: StartSourcesDep,
    files: ClusterFilesDep,
    now: NowDep,
    user: FeedUser,
) -> Validation:
    """Everything that would be refused, and what would be run. Nothing is stored.

    Of a request that packtrain finds good the cluster's Slurm is asked too, when it can be reached.
    """

    def check() -> _Checked:
        request = _parsed(body)
        if not isinstance(request, JobRequest):
            return _Checked(request)
        checkout = read_checkout_texts(request, site.clusters, files)
        with transaction(sessions) as session:
            around = surroundings_of(session, site, user, now, stored=False)
            found = _check(session, request, replace(around, checkout=checkout))
            if found.request is None or found.plan is None:
                return found
            start, limit = _start(session, found.request, sources.queues, user, now)
            return replace(found, start=start, limit=limit)

    checked = await run_in_threadpool(check)
    if checked.plan is None or checked.request is None or sources.trials is None:
        return _validation(checked)
    script = directives_of(checked.plan.script)
    cluster = checked.request.resources["cluster"]
    answer = await sources.trials.ask(user.user_id, cluster, script, now)
    silence = [] if answer is not None else [f"{cluster} gave no answer: its Slurm was not asked"]
    return _validation(checked, answer, silence)


def _parsed(body: dict[str, Any]) -> JobRequest | list[Finding]:
    try:
        return JobRequest.model_validate(body)
    except ValidationError as error:
        errors = [{**found, "loc": ("body", *found["loc"])} for found in error.errors(include_input=False)]
        return list(from_pydantic(errors, JobRequest))


def _check(session: Session, request: JobRequest, around: Surroundings) -> _Checked:
    checked = check_request(request, around)
    if checked.errors:
        return _Checked(checked.findings, checked)
    try:
        return _Checked(checked.findings, checked, _preview(session, checked))
    except InvalidInput as error:
        return _Checked([*checked.findings, *error.findings], checked)


def _preview(session: Session, checked: CheckedRequest) -> AttemptPlan:
    cluster, config = checked.cluster, checked.config_check
    assert cluster is not None and config is not None  # noqa: S101, PT018 - missing only where there are errors
    run = RunOf(
        PREVIEW_ID,
        1,
        checked.resources,
        checked.kind,
        checked.source,
        checked.request.secrets,
        checked.request.environment,
        longest_save_elsewhere=longest_save_like(session, cluster.name, checked.config, cluster.models),
        resume=checked.resume,
    )
    return plan_attempt(run, config, cluster, checked.uploads, checked.view.datasets)


def _start(
    session: Session, checked: CheckedRequest, queues: QueueBoard, user: Principal, now: datetime
) -> tuple[ExpectedStart, str | None]:
    """The place and forecast of the job, were it queued now, and the limit at which it would wait, in words.

    A job that waits for others has no start yet.
    """
    limited = limited_job(user, checked.team_id, checked.request.job_class, checked.resources)
    job_class = JobClass[checked.request.job_class.upper()]
    person, priority = Person(checked.team_id, user.user_id), checked.request.priority
    values = (limited.gpus, limited.limit_seconds, now.timestamp(), job_class, priority)
    job = WaitingJob(PREVIEW_ID, person, *values, checked.resources.get("gpu_type"))
    view = queues.view(session, checked.resources["cluster"])
    if checked.dependencies:
        return ExpectedStart(position=view.place_of_another(job), **expected_times(None)), None
    limits, limited = view.readings.limits, limited._replace(id=PREVIEW_ID, queued_at=now)
    hours = leaving_hours(session, limits, exceeded_hours([limited], limits, view.readings.uses), now)
    found = view.outlook_of_another(job, limited, hours)
    limit = held_words(found.held, now, seen_by(user)) if found.held is not None else None
    return ExpectedStart(position=found.position or 1, **expected_times(found.forecast)), limit


def _validation(checked: _Checked, slurm: TrialAnswer | None = None, silence: Sequence[str] = ()) -> Validation:
    request, plan = checked.request, checked.plan
    # errors first: of very many findings only the first are told
    findings = placed(sorted([*checked.findings, *_slurms_words(slurm)], key=lambda finding: finding.severity))
    errors = [finding_json(finding) for finding in findings if finding.severity == "error"]
    limit = [f"it would wait now: {checked.limit}"] if checked.limit is not None else []
    return Validation(
        valid=plan is not None and not errors,
        errors=errors,
        warnings=[finding_json(finding) for finding in findings if finding.severity == "warning"],
        notes=[*(request.notes if request else ()), *limit, *silence],
        script=plan.script if plan else None,
        config_yaml=plan.config_yaml if plan else None,
        estimates=_estimates(request, slurm, checked.start) if request and plan and checked.start else None,
    )


def _slurms_words(slurm: TrialAnswer | None) -> Iterator[Finding]:
    """Refusals in Slurm's words: for good, or for now."""
    if slurm is not None and slurm.refusal is not None:
        severity: Literal["error", "warning"] = "error" if slurm.is_final else "warning"
        yield Finding(("resources",), f"Slurm says: {slurm.refusal}", slurm.hint, severity)


def _estimates(checked: CheckedRequest, slurm: TrialAnswer | None, start: ExpectedStart) -> Estimates:
    gpus = checked.resources["nodes"] * checked.resources["gpus_per_node"]
    seconds = parse_time_limit(checked.resources["time_limit"])
    memory = checked.config_check.memory if checked.config_check else None
    return Estimates(
        gpus=gpus,
        time_limit_seconds=seconds,
        gpu_hours_at_most=round(gpus * seconds / 3600, 3),
        gpu_memory=GpuMemory.model_validate(memory, from_attributes=True) if memory else None,
        starts_at=slurm.starts_at if slurm else None,
        start=start,
    )
