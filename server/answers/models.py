"""Models as answers show them: of the catalogues, and what jobs left."""

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy.orm import Session

from server.schemas.model import Keeping, ModelJson
from tuning.clusters.model_aliases import aliases_of, aliases_of_jobs
from tuning.errors import NotFound
from tuning.jobs.layout import checkpoint_path, job_directory, output_directory
from tuning.jobs.models import Job
from tuning.jobs.queries.requests import belongings, job_by_id
from tuning.jobs.queries.results import Result, results_of
from tuning.jobs.results.resolve import ModelRef
from tuning.llamafactory.config.references import names
from tuning.models.grants import granted_teams
from tuning.models.names import ResultName
from tuning.models.pins import pins_of
from tuning.people.queries import team_names
from tuning.settings import ClusterSettings

MOST_DATASETS = 100
Clusters = Mapping[str, ClusterSettings]


def catalogue_models(session: Session, clusters: Clusters, text: str = "") -> list[ModelJson]:
    """Every model of these catalogues, with `text` in its name or in an alias where it is given."""
    return [model for cluster in clusters.values() for model in _catalogue(session, cluster) if _mentions(model, text)]


def shown_model(session: Session, ref: ModelRef, clusters: Clusters) -> ModelJson:
    """One model. Raises NotFound where it has gone since it was resolved."""
    if ref.job_id is None:
        models = [model for model in _catalogue(session, clusters[ref.cluster]) if model.name == ref.name]
    else:
        job = job_by_id(session, ref.job_id)
        models = shown_results(session, [(job, ref.checkpoint)] if job is not None else [], clusters)
    if not models:
        raise NotFound(f"there is no model {ref.name}")
    return models[0]


def shown_results(session: Session, wanted: Sequence[tuple[Job, int | None]], clusters: Clusters) -> list[ModelJson]:
    """Results of some jobs, in a handful of queries however many there are."""
    ids = [job.id for job, _ in wanted]
    if not ids:
        return []
    kept, uploads = _kept(session, ids), belongings(session, ids).datasets
    return [
        ModelJson.of_result(
            result,
            kept.get(ResultName(result.job_id, result.checkpoint), Keeping()),
            _datasets(job, uploads.get(job.id, ())),
            _path(result, clusters),
        )
        for (job, _), result in zip(wanted, results_of(session, wanted), strict=True)
    ]


def _catalogue(session: Session, cluster: ClusterSettings) -> Iterator[ModelJson]:
    known = aliases_of(session, cluster.name)
    for name, path in sorted(cluster.models.items()):
        own = sorted(alias for alias, model in known.items() if model == name)
        yield ModelJson(name=name, cluster=cluster.name, path=path, aliases=own)


def _mentions(model: ModelJson, text: str) -> bool:
    return any(text.lower() in name.lower() for name in (model.name, *model.aliases))


def _kept(session: Session, job_ids: Sequence[str]) -> dict[ResultName, Keeping]:
    """Pins, aliases and grants of the results and checkpoints of these jobs."""
    aliases: dict[ResultName, list[str]] = {}
    for row in aliases_of_jobs(session, job_ids):
        aliases.setdefault(ResultName(row.job_id or "", row.checkpoint), []).append(row.alias)
    pinned, granted = pins_of(session, job_ids), granted_teams(session, job_ids)
    teams = team_names(session, {team for own in granted.values() for team in own})
    return {
        result: Keeping(
            aliases.get(result, ()), result in pinned, [teams[team] for team in granted.get(result, frozenset())]
        )
        for result in {*aliases, *pinned, *granted}
    }


def _datasets(job: Job, uploads: Sequence[str]) -> list[str]:
    named = names(str(job.config.get("dataset") or ""))
    return list(dict.fromkeys([*uploads, *named]))[:MOST_DATASETS]


def _path(result: Result, clusters: Clusters) -> str:
    """Beneath our folder where the cluster is not among the settings any more."""
    root = clusters[result.cluster].root if result.cluster in clusters else ""
    if result.checkpoint is None:
        return output_directory(root, result.job_id).lstrip("" if root else "/")
    return f"{job_directory(root, result.job_id)}/{checkpoint_path(result.checkpoint)}".lstrip("" if root else "/")
