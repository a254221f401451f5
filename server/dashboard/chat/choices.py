"""Models that a reader can talk to: the lists of the page, and the two that its address asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from tuning.clusters.model_aliases import aliases_of, aliases_of_jobs
from tuning.errors import NotFound
from tuning.jobs.queries.requests import job_by_id
from tuning.jobs.queries.results import Result, base_of, results_page
from tuning.jobs.results.resolve import Catalogues, ModelRef, resolve
from tuning.jobs.search.page import Filter
from tuning.jobs.sight import result_sight_of
from tuning.people.tokens import Principal
from tuning.settings import ClusterSettings

MOST_RESULTS = 100
"""In the list; the pages of their jobs lead here with older ones."""


@dataclass(frozen=True)
class Alias:
    """A further name, and the model that it means."""

    name: str
    model: str


@dataclass(frozen=True)
class Choices:
    """Lists of models."""

    catalogue: Sequence[str]
    aliases: Sequence[Alias]
    results: Sequence[Result]

    @property
    def names(self) -> Sequence[str]:
        """Every name in the lists."""
        aliases = [alias.name for alias in self.aliases]
        return [*self.catalogue, *aliases, *(result.name for result in self.results)]

    @property
    def usual(self) -> str:
        """The newest result, else the first model of a catalogue; empty where there is none."""
        return next((result.name for result in self.results), next(iter(self.catalogue), ""))


@dataclass(frozen=True)
class Side:
    """A model that is chosen; without a name none is."""

    name: str = ""
    ref: ModelRef | None = None
    problem: str | None = None
    """Reason that it cannot be talked to."""
    hint: str | None = None


def choices(session: Session, clusters: Mapping[str, ClusterSettings], reader: Principal) -> Choices:
    """The lists for a reader."""
    catalogue = dict.fromkeys(name for cluster in clusters.values() for name in sorted(cluster.models))
    results = results_page(session, Filter(sight=result_sight_of(reader)), None, MOST_RESULTS).results
    aliases = [
        Alias(alias, model)
        for cluster in clusters.values()
        for alias, model in sorted(aliases_of(session, cluster.name).items())
        if model in cluster.models
    ]
    return Choices(list(catalogue), [*aliases, *_aliases_of_results(session, results)], results)


def chosen(session: Session, name: str, around: Catalogues, reader: Principal, listed: Sequence[str]) -> Side:
    """The model of a name; what is in no list is called by its canonical name."""
    if not name:
        return Side()
    try:
        ref = resolve(session, name, around, reader)
    except NotFound as error:
        return Side(name, problem=str(error), hint=error.hint)
    return Side(name if name in listed else ref.name, ref, ref.may_serve)


def base_name(session: Session, ref: ModelRef | None, around: Catalogues, reader: Principal) -> str:
    """Name of the model that a result was trained from; empty where no catalogue has it."""
    job = job_by_id(session, ref.job_id) if ref is not None and ref.job_id is not None else None
    if job is None:
        return ""
    try:
        return resolve(session, base_of(job), around, reader).name
    except NotFound:
        return ""


def _aliases_of_results(session: Session, results: Sequence[Result]) -> list[Alias]:
    names = {(result.job_id, result.checkpoint): result.name for result in results}
    rows = aliases_of_jobs(session, [result.job_id for result in results])
    return [Alias(row.alias, names[row.job_id, None]) for row in rows if row.job_id and row.checkpoint is None]
