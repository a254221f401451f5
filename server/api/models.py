"""Models: the catalogues of the clusters, and further names of their models."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from server.api.pages import Fields, Page, with_fields
from server.dependencies import ActorDep, ClustersDep, CurrentUser, NowDep, SessionDep
from server.http.problems import responses
from tuning.clusters.model_aliases import aliases_of, remove_alias, set_alias
from tuning.errors import Finding, InvalidInput
from tuning.people.audit import Change, record
from tuning.settings import ClusterSettings

router = APIRouter(prefix="/models", tags=["models"])

Alias = Annotated[str, Field(min_length=1, max_length=200, description="What people's files call the model.")]
ClusterOf = Annotated[str | None, Field(max_length=32, description="By default the first of the server's clusters.")]


class ModelJson(BaseModel):
    """A model of a cluster's catalogue."""

    name: str = Field(description="To give as model_name_or_path; the last part of its path and of a hub id will do.")
    cluster: str
    path: str = Field(description="Its folder on the cluster.")
    aliases: list[str] = Field(description="Further names that mean it.")


class ModelAliasRequest(BaseModel):
    """Another name for a model of a catalogue."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alias: Alias
    model: Annotated[str, Field(min_length=1, max_length=200, description="Its name in the catalogue.")]
    cluster: ClusterOf = None


@router.get("", response_model=Page[ModelJson])
def list_models(
    session: SessionDep, clusters: ClustersDep, _user: CurrentUser, fields: Fields = None
) -> Page[ModelJson] | Response:
    """Every model of every cluster's catalogue."""
    shown = [
        ModelJson(name=name, cluster=cluster.name, path=path, aliases=sorted(a for a, m in known.items() if m == name))
        for cluster in clusters.values()
        for known in [aliases_of(session, cluster.name)]
        for name, path in sorted(cluster.models.items())
    ]
    return with_fields(Page[ModelJson](data=shown, has_more=False, next=None), ModelJson, fields)


@router.put("/aliases", responses=responses(409))
def set_model_alias(
    request: ModelAliasRequest, session: SessionDep, clusters: ClustersDep, actor: ActorDep, now: NowDep
) -> ModelAliasRequest:
    """Let a name mean a model of the catalogue, or another one from now on. For administrators."""
    cluster = _cluster(request.cluster, clusters)
    before = aliases_of(session, cluster.name).get(request.alias)
    row = set_alias(session, cluster.name, request.alias, request.model, cluster.models, now)
    was = {"model": before, "cluster": row.cluster} if before is not None else None
    after = {"model": row.model, "cluster": row.cluster}
    record(session, actor, Change("alias.set", "alias", row.alias, was, after), now)
    return ModelAliasRequest(alias=row.alias, model=row.model, cluster=row.cluster)


@router.delete("/aliases", status_code=204, responses=responses(404))
def remove_model_alias(
    session: SessionDep,
    clusters: ClustersDep,
    actor: ActorDep,
    now: NowDep,
    alias: Annotated[str, Query(min_length=1, max_length=200, description="The name to forget.")],
    cluster: Annotated[str | None, Query(max_length=32, description="By default the first of the server's.")] = None,
) -> Response:
    """Forget a name. Jobs that were made with it keep their model. For administrators."""
    name = _cluster(cluster, clusters).name
    before = aliases_of(session, name).get(alias)
    remove_alias(session, name, alias)
    change = Change("alias.removed", "alias", alias, before={"model": before, "cluster": name})
    record(session, actor, change, now)
    return Response(status_code=204)


def _cluster(name: str | None, clusters: Mapping[str, ClusterSettings]) -> ClusterSettings:
    found = clusters.get(name) if name is not None else next(iter(clusters.values()), None)
    if found is None:
        hint = f"the clusters are: {', '.join(sorted(clusters)) or 'none yet'}"
        raise InvalidInput([Finding(("cluster",), f"there is no cluster {name or ''}".rstrip(), hint)])
    return found
