"""Models of OpenAI's API: those of the catalogues, and what jobs left."""

from typing import Literal, Self

from fastapi import APIRouter
from pydantic import BaseModel

from server.answers.models import catalogue_models, shown_model, shown_results
from server.answers.named_models import NamedModelsDep, NameInPath
from server.openai.files.schema import DeletedObject, unix_seconds
from server.schemas.model import ModelJson
from tuning.jobs.queries.results import result_jobs
from tuning.jobs.results.keeping import remove_result
from tuning.jobs.search.page import Filter
from tuning.jobs.sight import result_sight_of

router = APIRouter()

MOST_RESULTS = 500
"""The newest: OpenAI's list of models has no pages."""
_OPERATOR = "operator"
"""Owner of the catalogues."""


class ModelObject(BaseModel):
    """A model. The catalogue does not say since when it has one: that is told as 0."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str

    @classmethod
    def of(cls, model: ModelJson) -> Self:
        """From the native API's answer."""
        created = unix_seconds(model.created_at) if model.created_at is not None else 0
        return cls(id=model.name, created=created, owned_by=model.team or _OPERATOR)


class ModelList(BaseModel):
    """All models, as far as they are listed."""

    object: Literal["list"] = "list"
    data: list[ModelObject]


@router.get("/models")
def list_openai_models(models: NamedModelsDep) -> ModelList:
    """The models of every cluster's catalogue, each name once, and the newest of what jobs left."""
    session, clusters = models.session, models.catalogues.clusters
    found = result_jobs(session, Filter(sight=result_sight_of(models.user)), None, MOST_RESULTS)
    results = shown_results(session, [(job, None) for job in found.jobs], clusters)
    named = {model.name: model for model in (*catalogue_models(session, clusters), *results)}
    return ModelList(data=[ModelObject.of(model) for model in named.values()])


@router.get("/models/{name:path}")
def retrieve_openai_model(name: NameInPath, models: NamedModelsDep) -> ModelObject:
    """One model by any of its names; of an alias, the model that it means."""
    return ModelObject.of(shown_model(models.session, models.ref(name), models.catalogues.clusters))


@router.delete("/models/{name:path}")
def delete_openai_model(name: NameInPath, models: NamedModelsDep) -> DeletedObject:
    """Have what a job left removed from the cluster. Refused while it is pinned, has an alias, or jobs need it."""
    remove_result(models.session, models.keeper, models.result(name))
    return DeletedObject(id=name, object="model")
