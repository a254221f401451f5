"""Routes of a job's texts: the batch script, the configuration."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from server.answers.jobs import found_job
from server.answers.texts import JobTexts, texts_of
from server.dependencies import ClustersDep, CurrentUser, JobId, SessionDep, ViewsDep
from server.http.errors.problems import responses

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
) -> JobTexts:
    """The script and configuration of an attempt: as it was submitted, or as the next one would be."""
    return texts_of(session, found_job(session, job_id, user), attempt, clusters, views)


TextsDep = Annotated[JobTexts, Depends(texts_of_attempt)]


@router.get("/{job_id}/script", responses=_text("text/x-shellscript", "string"), response_class=Response)
def show_script(texts: TextsDep) -> Response:
    """The batch script: as it was submitted, or as it would be."""
    return Response(texts.script, media_type="text/x-shellscript")


@router.get("/{job_id}/config", responses=_text("application/yaml", "object"), response_class=Response)
def show_config(texts: TextsDep) -> Response:
    """The configuration that LLaMA-Factory is given, with packtrain's additions: as submitted, or as it would be."""
    return Response(texts.config_yaml, media_type="application/yaml")
