"""Models by any of their names: of a catalogue, a hub id, an alias, of a result or one of its checkpoints."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session

from tuning.clusters.model_aliases import alias_row
from tuning.errors import Finding, NotFound
from tuning.jobs.models import Job
from tuning.jobs.queries.requests import job_by_id
from tuning.jobs.queries.results import base_of, name_of
from tuning.jobs.queries.sources import source_jobs
from tuning.jobs.request.resources import ClusterView
from tuning.jobs.request.sources import SourceJob, check_source, source_model
from tuning.jobs.search.page import KINDS_WITH_MODEL
from tuning.jobs.status import ENDED
from tuning.llamafactory.arguments.paths import AllowedPlaces, resolve_model
from tuning.llamafactory.kinds import SourceModel
from tuning.models.grants import is_granted
from tuning.models.names import MOST_CHARACTERS, ResultName, parse_name
from tuning.people.queries import team_names
from tuning.people.tokens import Principal
from tuning.recipes.families import family_of
from tuning.settings import ClusterSettings

_TALKS_NOT = {"rm": "a reward model gives scores and no answers"}
"""By the stage of its training."""


class Catalogues(Protocol):
    """Clusters and what is known of them; a request's Surroundings are such."""

    @property
    def clusters(self) -> Mapping[str, ClusterSettings]:
        """By name."""

    @property
    def view_of(self) -> Callable[[str], ClusterView]:
        """View of a cluster: its models and their files, by its name."""


@dataclass(frozen=True)
class ModelRef:
    """A model that a name means."""

    name: str
    """Canonical: the catalogue's name, or ft:..."""
    cluster: str
    path: str | None
    """Of a model of the catalogue."""
    job_id: str | None
    """Of a result."""
    checkpoint: int | None
    source: SourceModel | None
    """What a result hands over (tuning.jobs.request.sources)."""
    template: str | None
    """That it is talked to with; None = not known."""
    may_serve: str | None
    """None, or the sentence why not."""


def resolve(session: Session, name: str, around: Catalogues, reader: Principal) -> ModelRef:
    """The model that a name means to a reader. Raises NotFound, also for what the reader may not see."""
    found = _of_catalogue(name, around) or _of_result(session, parse_name(name), reader)
    found = found or _by_alias(session, name, around, reader) or _by_hub_id(name, around)
    if found is None:
        hint = "GET /api/v1/models lists the models; ft:... is the name of what a job left"
        raise NotFound(f"there is no model {name[:MOST_CHARACTERS]!r}", hint=hint)
    return found


def result_by_name(session: Session, name: str, clusters: Sequence[str]) -> ResultName | None:
    """The result that a name or an alias on one of these clusters means, whoever may see it; None for other models."""
    if (result := parse_name(name)) is not None:
        return result
    row = alias_row(session, clusters, name)
    return ResultName(row.job_id, row.checkpoint) if row is not None and row.job_id is not None else None


def visible_result(session: Session, result: ResultName, reader: Principal) -> Job | None:
    """The job of a result that a reader may use: one they may see, or one granted to a team of theirs."""
    job = job_by_id(session, result.job_id)
    if job is None:
        return None
    seen = reader.may_see(job.owner_id, job.team_id)
    return job if seen or is_granted(session, result, [team.id for team in reader.teams]) else None


def missing_model(job: SourceJob, result: ResultName) -> str | None:
    """Reason that a named model is not there, as a sentence; None where it is, or a checkpoint is still to come."""
    if result.checkpoint is None and job.status not in ENDED:
        return f"{job.id} is {job.status}: it has left no model yet"
    findings = check_source("predict", job, result.checkpoint, job.cluster)
    return findings[0].message if findings else None


def granted_source(session: Session, result: ResultName, reader: Principal) -> SourceJob | None:
    """The job of a result that a team of a reader was granted, to base a job on that very result."""
    if not is_granted(session, result, [team.id for team in reader.teams]):
        return None
    return source_jobs(session, [result.job_id]).get(result.job_id)


def _of_catalogue(name: str, around: Catalogues) -> ModelRef | None:
    return next((_catalogue_model(name, its, around) for its in around.clusters.values() if name in its.models), None)


def _of_result(session: Session, result: ResultName | None, reader: Principal) -> ModelRef | None:
    job = visible_result(session, result, reader) if result is not None else None
    source = source_jobs(session, [job.id]).get(job.id) if job is not None else None
    if result is None or job is None or source is None or job.kind not in KINDS_WITH_MODEL:
        return None
    handed_over = source_model(source, result.checkpoint)
    family = family_of(base_of(job))
    return ModelRef(
        name=name_of(job, team_names(session, [job.team_id])[job.team_id], result.checkpoint),
        cluster=job.cluster,
        path=None,
        job_id=job.id,
        checkpoint=result.checkpoint,
        source=handed_over,
        template=handed_over.template or (family.template if family is not None else None),
        may_serve=_why_not(source, result),
    )


def _by_alias(session: Session, name: str, around: Catalogues, reader: Principal) -> ModelRef | None:
    row = alias_row(session, list(around.clusters), name)
    if row is None:
        return None
    if row.job_id is not None:
        return _of_result(session, ResultName(row.job_id, row.checkpoint), reader)
    cluster = around.clusters[row.cluster]
    return _catalogue_model(row.model, cluster, around) if row.model in cluster.models else None


def _by_hub_id(name: str, around: Catalogues) -> ModelRef | None:
    """The model of the first catalogue that has one by the last part of a hub id or path."""
    for cluster in around.clusters.values():
        path = resolve_model("model_name_or_path", name, AllowedPlaces(models=cluster.models))
        known = [own for own, its in cluster.models.items() if its == path]
        if not isinstance(path, Finding) and known:
            return _catalogue_model(known[0], cluster, around)
    return None


def _catalogue_model(name: str, cluster: ClusterSettings, around: Catalogues) -> ModelRef:
    path = cluster.models[name]
    config = around.view_of(cluster.name).model_configs.get(path)
    family = family_of(name, config.model_type if config is not None else None)
    template = family.template if family is not None else None
    return ModelRef(name, cluster.name, path, None, None, None, template, None)


def _why_not(job: SourceJob, result: ResultName) -> str | None:
    return missing_model(job, result) or _TALKS_NOT.get(str(job.config.get("stage", "sft")))
