"""Script and configuration of a job's attempts: as submitted, or as the next attempt would have them."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from server.clusters.views import ClusterViews
from server.job_surroundings import next_attempt_plan
from tuning.errors import Conflict, InvalidInput, NotFound
from tuning.jobs.models import Job
from tuning.jobs.queries.requests import attempt_texts
from tuning.settings import ClusterSettings


@dataclass(frozen=True)
class JobTexts:
    """The batch script, and the configuration with packtrain's additions."""

    script: str
    config_yaml: str
    is_submitted: bool
    """False: as they would be."""


def texts_of(
    session: Session,
    job: Job,
    attempt: int | None,
    clusters: Mapping[str, ClusterSettings],
    views: ClusterViews,
) -> JobTexts:
    """Texts of an attempt, by default the latest. Raises NotFound, and Conflict where the job can run no more."""
    submitted = attempt_texts(session, job.id, attempt or job.attempt)
    if submitted is not None:
        return JobTexts(*submitted, is_submitted=True)
    if attempt is not None and attempt != job.attempt + 1:
        raise NotFound(f"job {job.id} has no attempt {attempt}")
    if job.cluster not in clusters:
        raise Conflict(f"the cluster {job.cluster} is no longer in the settings")
    try:
        plan = next_attempt_plan(session, job, clusters[job.cluster], views)
    except InvalidInput as error:
        raise Conflict(f"job {job.id} cannot be run any more: {error}", hint="clone it with a correction") from error
    return JobTexts(plan.script, plan.config_yaml, is_submitted=False)
