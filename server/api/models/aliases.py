"""Aliases: further names of a catalogue's models, and names of results that can be moved."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from server.answers.models import shown_model
from server.answers.named_models import NamedModelsDep
from server.http.errors.problems import responses
from tuning.clusters.model_aliases import aliases_of, set_alias
from tuning.errors import Finding, InvalidInput, NotAllowed
from tuning.jobs.results.keeping import alias_result, forget_alias
from tuning.models.names import MOST_CHARACTERS, parse_name
from tuning.people.audit import Change, record
from tuning.settings import ClusterSettings

router = APIRouter(prefix="/models/aliases", tags=["models"])

Alias = Annotated[str, Field(min_length=1, max_length=200, description="What people's files call the model.")]
ClusterOf = Annotated[str | None, Field(max_length=32, description="By default the first of the server's clusters.")]


class ModelAliasRequest(BaseModel):
    """Another name for a model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alias: Alias
    model: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MOST_CHARACTERS,
            description="Its name in the catalogue, or the name of a result (ft:...), whose cluster is taken.",
        ),
    ]
    cluster: ClusterOf = None


@router.put("", responses=responses(404, 409))
def set_model_alias(request: ModelAliasRequest, models: NamedModelsDep) -> ModelAliasRequest:
    """Let a name mean a model, or another one from now on.

    A result's by its owner, leads of its team and administrators; a catalogue's by administrators.
    """
    if parse_name(request.model) is not None:
        return _alias_of_result(request, models)
    if not models.user.is_administrator:
        raise NotAllowed("aliases of the catalogue's models are made by administrators")
    cluster = _cluster(request.cluster, models.catalogues.clusters)
    before = aliases_of(models.session, cluster.name).get(request.alias)
    now = models.keeper.now
    row = set_alias(models.session, cluster.name, request.alias, request.model, cluster.models, now)
    was = {"model": before, "cluster": row.cluster} if before is not None else None
    after = {"model": row.model, "cluster": row.cluster}
    record(models.session, models.keeper.actor, Change("alias.set", "alias", row.alias, was, after), now)
    return ModelAliasRequest(alias=row.alias, model=row.model, cluster=row.cluster)


@router.delete("", status_code=204, responses=responses(404))
def remove_model_alias(
    models: NamedModelsDep,
    alias: Annotated[str, Query(min_length=1, max_length=200, description="The name to forget.")],
    cluster: Annotated[str | None, Query(max_length=32, description="By default the first of the server's.")] = None,
) -> Response:
    """Forget a name. Jobs that were made with it keep their model. By whoever may set it."""
    forget_alias(models.session, models.keeper, _cluster(cluster, models.catalogues.clusters).name, alias)
    return Response(status_code=204)


def _alias_of_result(request: ModelAliasRequest, models: NamedModelsDep) -> ModelAliasRequest:
    """Raises NotFound, NotAllowed, InvalidInput, Conflict."""
    ref = models.ref(request.model)
    if request.cluster not in (None, ref.cluster):
        hint = f"leave it out, or give {ref.cluster}"
        raise InvalidInput([Finding(("cluster",), f"{ref.name[:200]} lies on {ref.cluster}", hint)])
    result = models.result(request.model, "model")
    alias_result(models.session, models.keeper, request.alias, result, models.catalogues.clusters)
    shown = shown_model(models.session, ref, models.catalogues.clusters)
    return ModelAliasRequest(alias=request.alias, model=shown.name, cluster=shown.cluster)


def _cluster(name: str | None, clusters: Mapping[str, ClusterSettings]) -> ClusterSettings:
    found = clusters.get(name) if name is not None else next(iter(clusters.values()), None)
    if found is None:
        hint = f"the clusters are: {', '.join(sorted(clusters)) or 'none yet'}"
        raise InvalidInput([Finding(("cluster",), f"there is no cluster {name or ''}".rstrip(), hint)])
    return found
