"""Models: listed, shown, pinned, granted, removed."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from server.answers.models import catalogue_models, shown_model, shown_results
from server.answers.named_models import NamedModelsDep, NameInPath
from server.api.pages import DEFAULT_LIMIT, After, Fields, Limit, Line, Page, with_fields
from server.http.errors.problems import responses
from server.schemas.model import ModelJson, ModelKind
from tuning.jobs.queries.results import result_jobs
from tuning.jobs.results.keeping import grant_result, pin_result, remove_result, unpin_result, withdraw_grant
from tuning.jobs.search.page import Filter
from tuning.jobs.sight import result_sight_of
from tuning.people.teams import TEAM_NAME

router = APIRouter(prefix="/models", tags=["models"])

TeamInPath = Annotated[str, Path(max_length=64, pattern=TEAM_NAME, description="A team's name.")]


class ModelQuery(BaseModel):
    """Filters of the list. An unknown name is an error: a misspelt filter would show everything."""

    model_config = ConfigDict(extra="forbid")

    kind: ModelKind | None = Field(default=None, description="Only models of catalogues, or only what jobs left.")
    q: Line | None = Field(default=None, description="A part of a model's name, or of the name or id of its job.")
    limit: Limit = DEFAULT_LIMIT
    after: After = None
    fields: Fields = None


@router.get("", response_model=Page[ModelJson])
def list_models(query: Annotated[ModelQuery, Query()], models: NamedModelsDep) -> Page[ModelJson] | Response:
    """The models of every cluster's catalogue, then what jobs left, the newest job's first.

    The catalogues stand whole on the first page, beside at most `limit` results.
    """
    session, clusters = models.session, models.catalogues.clusters
    shown: list[ModelJson] = []
    if query.kind != "result" and query.after is None:
        shown += catalogue_models(session, clusters, query.q or "")
    following: str | None = None
    if query.kind != "catalogue":
        wanted = Filter(text=query.q, sight=result_sight_of(models.user))
        found = result_jobs(session, wanted, query.after, query.limit)
        shown += shown_results(session, [(job, None) for job in found.jobs], clusters)
        following = found.next
    page = Page[ModelJson](data=shown, has_more=following is not None, next=following)
    return with_fields(page, ModelJson, query.fields)


@router.put("/{name:path}/pin", status_code=204, responses=responses(404, 409))
def pin_model(name: NameInPath, models: NamedModelsDep) -> Response:
    """Let clean-up spare a result or a checkpoint. By its owner, leads of its team and administrators."""
    pin_result(models.session, models.keeper, models.result(name))
    return Response(status_code=204)


@router.delete("/{name:path}/pin", status_code=204, responses=responses(404))
def unpin_model(name: NameInPath, models: NamedModelsDep) -> Response:
    """Let clean-up remove it again. By whoever may pin it."""
    unpin_result(models.session, models.keeper, models.result(name))
    return Response(status_code=204)


@router.put("/{name:path}/grants/{team}", status_code=204, responses=responses(404, 409))
def grant_model(name: NameInPath, team: TeamInPath, models: NamedModelsDep) -> Response:
    """Let another team use a result or a checkpoint. By its owner, leads of its team and administrators."""
    grant_result(models.session, models.keeper, models.result(name), team)
    return Response(status_code=204)


@router.delete("/{name:path}/grants/{team}", status_code=204, responses=responses(404))
def withdraw_model_grant(name: NameInPath, team: TeamInPath, models: NamedModelsDep) -> Response:
    """Take it back from a team; jobs that were made with it keep it. By whoever may grant it."""
    withdraw_grant(models.session, models.keeper, models.result(name), team)
    return Response(status_code=204)


@router.get("/{name:path}", responses=responses(404))
def show_model(name: NameInPath, models: NamedModelsDep) -> ModelJson:
    """One model by any of its names."""
    ref = models.ref(name)
    shown = shown_model(models.session, ref, models.catalogues.clusters)
    return shown.model_copy(update={"not_served": ref.may_serve})


@router.delete("/{name:path}", status_code=202, response_class=Response, responses=responses(404, 409))
def remove_model(name: NameInPath, models: NamedModelsDep) -> Response:
    """Ask for the removal of what a job left, or of one of its checkpoints, from the cluster; the job stays.

    Refused while it is pinned, has an alias, or is needed by jobs.
    """
    remove_result(models.session, models.keeper, models.result(name))
    return Response(status_code=202)
