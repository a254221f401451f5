"""Beginning of a new job: nothing, a recipe, data to train on, an older job, or the model that a training left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from server.answers.datasets import listed_datasets
from server.answers.jobs import found_job
from server.dashboard.new_job.recipe_text import recipe_text
from server.job_surroundings import highest_priority
from server.schemas.dataset import DatasetInfo
from tuning.datasets import repository, service
from tuning.datasets.check.layouts.formats import Purpose, purpose_of
from tuning.datasets.models import Dataset
from tuning.errors import NotFound
from tuning.jobs.actions.create import request_of
from tuning.jobs.models import Job
from tuning.jobs.request.spec import JobRequest
from tuning.llamafactory.config.yaml_text import to_yaml
from tuning.people.directory import owner_is_seen
from tuning.people.tokens import Principal
from tuning.recipes.catalogue import recipes
from tuning.settings import Settings

RECIPES: Mapping[Purpose, str] = {
    "sft": "lora-sft",
    "ranking": "dpo",
    "kto": "kto",
    "pretrain": "pretrain",
    "questions": "predict",
}
"""The usual recipe for data of each purpose."""
_MODEL_ARGUMENTS = ("model_name_or_path", "adapter_name_or_path")
_OF_THE_OLDER_ALONE = frozenset({"name", "resume_from", "depends_on"})
_Word = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_.-]*$")]


class StartQuery(BaseModel):
    """Recipe, older job or data to begin with, as in the address. Unknown names are left alone: links grow old."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    recipe: _Word = ""
    from_job: _Word = Field(default="", alias="from")
    dataset: _Word = ""
    source: _Word = ""
    """Training whose model is used."""
    kind: Literal["train", "predict"] = "predict"
    """Use that is made of it."""
    checkpoint: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None


@dataclass(frozen=True)
class Start:
    """Values that the form begins with."""

    text: str = ""
    """Of the editor: YAML."""
    request: Mapping[str, Any] = field(default_factory=dict)
    """Fields of a request for a job, as JSON, all but its configuration."""
    datasets: Sequence[DatasetInfo] = ()
    like: Job | None = None
    """The older job that it is like."""
    source: Job | None = None
    """The training whose model it uses."""


def start_of(session: Session, query: StartQuery, reader: Principal, settings: Settings) -> Start:
    """Beginning that the address asks for.

    Raises NotFound for what is not there or may not be seen, Conflict for a job that cannot be asked for again.
    """
    if query.from_job:
        return _like(session, found_job(session, query.from_job, reader), reader, settings, JobRequest())
    if query.source:
        return _using(session, query, reader, settings)
    data = _data(session, [query.dataset], reader) if query.dataset else []
    if query.dataset and not data:
        raise NotFound(f"there is no data set {query.dataset}")
    recipe = query.recipe or _usual_recipe(data)
    if recipe and recipe not in recipes():
        raise NotFound(f"there is no recipe {recipe}", hint=f"the recipes are: {', '.join(recipes())}")
    text = recipe_text(recipes()[recipe]) if recipe else ""
    return Start(text, {"recipe": recipe} if recipe else {}, listed_datasets(session, data))


def _using(session: Session, query: StartQuery, reader: Principal, settings: Settings) -> Start:
    """A training that goes on from a training's model in the same way, or a prediction with it; both on its data."""
    job = found_job(session, query.source, reader)
    named = {name: None for name in _MODEL_ARGUMENTS if name in job.config}
    changes = JobRequest(source_job=job.id, config=named)
    older = _like(session, job, reader, settings, changes)
    own: dict[str, Any] = {"kind": query.kind, "source_job": job.id}
    if query.checkpoint is not None:
        own["checkpoint"] = query.checkpoint
    if query.kind == "train":
        fields = {name: value for name, value in older.request.items() if name not in _OF_THE_OLDER_ALONE}
        return replace(older, request=fields | own, like=None, source=job)
    text, fields = recipe_text(recipes()["predict"]), {"recipe": "predict", "resources": {"cluster": job.cluster}}
    data = job.config.get("eval_dataset") or job.config.get("dataset")
    if data and not older.datasets:
        text += "\n" + to_yaml({"eval_dataset": data})
    return Start(text, fields | own, older.datasets, source=job)


def _like(session: Session, job: Job, reader: Principal, settings: Settings, changes: JobRequest) -> Start:
    team = next((team.name for team in reader.teams if team.id == job.team_id), None)
    request = request_of(session, job, changes, highest_priority(reader, settings), team)
    whole = request.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True, exclude={"config"})
    fields = {name: value for name, value in whole.items() if value not in ("", [], {})}
    data = _data(session, request.datasets, reader)
    return Start(to_yaml(request.config or {}), fields, listed_datasets(session, data), job)


def _data(session: Session, ids: Sequence[str], reader: Principal) -> list[Dataset]:
    """Those that are still there and that the reader may see, in their order."""
    seen = owner_is_seen(reader, Dataset.owner_id)
    found = (repository.find(session, dataset_id, seen) for dataset_id in ids)
    return [dataset for dataset in found if dataset is not None]


def _usual_recipe(data: Sequence[Dataset]) -> str:
    purposes = [purpose_of(dataset.entry) for dataset in data if dataset.entry]
    return RECIPES[purposes[0]] if purposes else ""


def datasets_to_choose(session: Session, reader: Principal, most: int) -> list[DatasetInfo]:
    """The newest data sets that the reader may see."""
    page = service.list_page(session, most, None, owner_is_seen(reader, Dataset.owner_id))
    return listed_datasets(session, page.datasets)


StartDep = Annotated[StartQuery, Query()]
