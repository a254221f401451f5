"""Routes of a job's texts: the batch script, the configuration."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from server.api.jobs.answers import found_job
from server.dependencies import ClustersDep, CurrentUser, JobId, SessionDep, ViewsDep
from server.http.problems import responses
from server.job_surroundings import next_attempt_plan
from tuning.errors import Conflict, InvalidInput, NotFound
from tuning.jobs.queries.requests import attempt_texts

router = APIRouter(prefix="/jobs", tags=["jobs"])


def _text(media_type: str, reads_as: str) -> dict[int | str, dict[str, Any]]:
    text = {"description": "The text.", "content": {media_type: {"schema": {"type": reads_as}}}}
    return {200: text, **responses(404, 409)}


Attempt = Annotated[int | None, Query(ge=1, le=100_000, description="By default the latest.")]


def texts_of_attempt(
    job_id: JobId,
    session: SessionDep,
    clusters: ClustersDep,
    views: ViewsDep,
    user: CurrentUser,
    attempt: Attempt = None,
) -> tuple[str, str]:
    """The script and configuration of an attempt: as it was submitted, or as the next one would be."""
    job = found_job(session, job_id, user)
    number = attempt or job.attempt
    submitted = attempt_texts(session, job_id, number)
    if submitted is not None:
        return submitted
    if attempt is not None and attempt != job.attempt + 1:
        raise NotFound(f"job {job_id} has no attempt {attempt}")
    if job.cluster not in clusters:
        raise Conflict(f"the cluster {job.cluster} is no longer in the settings")
    try:
        plan = next_attempt_plan(session, job, clusters[job.cluster], views)
    except InvalidInput as error:
        raise Conflict(f"job {job_id} cannot be run any more: {error}", hint="clone it with a correction") from error
    return plan.script, plan.config_yaml


TextsDep = Annotated[tuple[str, str], Depends(texts_of_attempt)]


@router.get("/{job_id}/script", responses=_text("text/x-shellscript", "string"), response_class=Response)
def show_script(texts: TextsDep) -> Response:
    """The batch script: as it was submitted, or as it would be."""
    return Response(texts[0], media_type="text/x-shellscript")


@router.get("/{job_id}/config", responses=_text("application/yaml", "object"), response_class=Response)
def show_config(texts: TextsDep) -> Response:
    """The configuration that LLaMA-Factory is given, with packtrain's additions: as submitted, or as it would be."""
    return Response(texts[1], media_type="application/yaml")
