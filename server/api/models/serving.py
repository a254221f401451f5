"""Routes that start and end served models: jobs of kind `serve`."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from server.answers.job_changes import JobChangesDep
from server.answers.jobs import shown
from server.api.jobs.new_jobs import NewJobsDep
from server.dependencies import FeedDep
from server.http.errors.problems import responses
from server.job_surroundings import SurroundingsDep
from server.schemas.job import JobJson, job_path
from tuning.errors import Finding, InvalidInput, NotFound
from tuning.jobs.actions.control import cancel_job
from tuning.jobs.actions.create import Asker
from tuning.jobs.actions.intake import Surroundings
from tuning.jobs.results.resolve import resolve
from tuning.jobs.serving.create import find_server, start_server

router = APIRouter(prefix="/models/serve", tags=["models"])

Model = Annotated[
    str,
    Field(min_length=1, max_length=300, description="Any name of a model: of the catalogue, an alias, ft:..."),
]
Cluster = Annotated[str | None, Field(max_length=32, description="By default the first that has the model.")]


class ServeRequest(BaseModel):
    """A model that is to be served."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Model
    cluster: Cluster = None


@router.post("", status_code=202, responses=responses(404, 409))
def serve_model(request: ServeRequest, new: NewJobsDep, response: Response) -> JobJson:
    """Serve a model: the job that does so already, or a new one. It ends when nobody talks to it."""
    around = _around(new.around, request.cluster)
    ref = resolve(new.session, request.model, around, new.user)
    asker = Asker(new.user.user_id, team_id=new.user.default_team_id)
    job = start_server(new.session, ref, asker, around, new.now)
    response.headers["Location"] = job_path(job.id)
    return shown(new.session, job, new.feed)


@router.delete("", status_code=202, responses=responses(403, 404, 409))
def stop_serving(
    changes: JobChangesDep,
    around: SurroundingsDep,
    feed: FeedDep,
    model: Annotated[str, Query(min_length=1, max_length=300, description="Any name of the model.")],
    cluster: Annotated[str | None, Query(max_length=32, description="By default the first that has it.")] = None,
) -> JobJson:
    """End a served model; `cancel` of its job does the same. For who started it, leads and administrators."""
    session, user, now = changes.session, changes.user, changes.now
    ref = resolve(session, model, _around(around, cluster), user)
    found = find_server(session, ref)
    if found is None:
        raise NotFound(f"{ref.name} is not served on {ref.cluster}")
    return shown(
        session, changes.make(found.job.id, "cancel", lambda job: cancel_job(session, job.id, user.name, now)), feed
    )


def _around(around: Surroundings, cluster: str | None) -> Surroundings:
    """The surroundings with this cluster alone, where one is named."""
    if cluster is None:
        return around
    if cluster not in around.clusters:
        hint = f"the clusters are: {', '.join(sorted(around.clusters)) or 'none yet'}"
        raise InvalidInput([Finding(("cluster",), f"there is no cluster {cluster}", hint)])
    return replace(around, clusters={cluster: around.clusters[cluster]})
