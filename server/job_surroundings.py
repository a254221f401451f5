"""Surroundings of a request for a job (clusters, data, jobs, secrets), gathered for tuning.jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import Depends
from sqlalchemy.orm import Session

from server.clusters.views import ClusterViews
from server.dependencies import (
    ClustersDep,
    CurrentUser,
    NoticeRulesDep,
    NowDep,
    SessionDep,
    SettingsDep,
    ViewsDep,
)
from tuning.clusters.model_aliases import aliases_of
from tuning.datasets import repository as datasets
from tuning.datasets.models import Dataset
from tuning.jobs.actions.intake import Surroundings
from tuning.jobs.actions.submission_limits import NewJob, check_limits
from tuning.jobs.attempt.check_plan import CheckPlan
from tuning.jobs.attempt.inputs import in_order, load_inputs, plan_next
from tuning.jobs.attempt.plan import AttemptPlan, TrainingData
from tuning.jobs.attempt.serve_plan import ServePlan
from tuning.jobs.models import Job
from tuning.jobs.queries.requests import belongings
from tuning.jobs.queries.save_times import longest_saves
from tuning.jobs.queries.sources import source_jobs
from tuning.jobs.request.resources import measures
from tuning.jobs.request.spec import MAX_PRIORITY
from tuning.jobs.results.resolve import granted_source, result_by_name
from tuning.jobs.sight import sight_of
from tuning.notices.rules import NoticeRules
from tuning.people.directory import owner_is_seen
from tuning.people.tokens import Principal
from tuning.queue.limits.limit import LimitedJob, Place
from tuning.secrets.service import find_missing
from tuning.settings import ClusterSettings, Settings


@dataclass(frozen=True)
class Site:
    """The clusters and settings of this server, by which every request for a job is judged."""

    clusters: Mapping[str, ClusterSettings]
    views: ClusterViews
    settings: Settings
    notices: NoticeRules


async def get_site(clusters: ClustersDep, views: ViewsDep, settings: SettingsDep, notices: NoticeRulesDep) -> Site:
    """For routes that check requests for jobs."""
    return Site(clusters, views, settings, notices)


SiteDep = Annotated[Site, Depends(get_site)]


async def surroundings(session: SessionDep, site: SiteDep, user: CurrentUser, now: NowDep) -> Surroundings:
    """The clusters, data, jobs and secrets that a request for a job is checked against."""
    return surroundings_of(session, site, user, now, stored=True)


def surroundings_of(session: Session, site: Site, user: Principal, now: datetime, *, stored: bool) -> Surroundings:
    """Surroundings of a user's request; data sets that it names cannot be deleted during the session's transaction.

    `stored`: a job that is found good is stored in it, too.
    """
    seen = owner_is_seen(user, Dataset.owner_id)
    return Surroundings(
        clusters=site.clusters,
        view_of=lambda name: site.views.view(session, name),
        uploads=lambda ids: in_order(datasets.lock_usable(session, ids, seen), ids),
        uploads_by_name=lambda names: _uploads_by_name(session, names, user),
        model_aliases=lambda name: aliases_of(session, name),
        jobs=lambda ids: source_jobs(session, ids, sight_of(user).condition),
        team_of=lambda name: team.id if (team := user.team(name)) is not None else None,
        team_name=lambda team_id: next((team.name for team in user.teams if team.id == team_id), None),
        missing_secrets=lambda names: find_missing(session, user.user_id, names),
        limits=lambda *job: check_limits(session, NewJob(user, job[0], limited_job(user, *job)), now, stored=stored),
        result_named=lambda name, clusters: result_by_name(session, name, clusters),
        granted=lambda result: granted_source(session, result, user),
        highest_priority=highest_priority(user, site.settings),
        notices=site.notices,
    )


def _uploads_by_name(session: Session, names: Sequence[str], user: Principal) -> dict[str, TrainingData]:
    """By the name in a configuration: an id, or the name of an upload."""
    seen = owner_is_seen(user, Dataset.owner_id)
    ids = {
        **datasets.ids_by_name(session, names, user.user_id, seen),
        **{name: name for name in names if name.startswith("ds_")},
    }
    rows = datasets.lock_usable(session, ids.values(), seen)
    found = {data.id: data for data in in_order(rows, ids.values())}
    return {name: found[dataset_id] for name, dataset_id in ids.items() if dataset_id in found}


def limited_job(user: Principal, team_id: str, job_class: str, resources: Mapping[str, Any]) -> LimitedJob:
    """A job that a user asks for, as limits see it; it has no id yet."""
    team = next((team.name for team in user.teams if team.id == team_id), "")
    measured = measures(resources)
    place = Place(user.name, team, resources["cluster"], measured["partition"], job_class)
    return LimitedJob("", place, measured["gpus"], measured["limit_seconds"])


def highest_priority(user: Principal, settings: Settings) -> int:
    """The highest priority that a user may give a job."""
    return MAX_PRIORITY if user.is_administrator else settings.priority_of_members


SurroundingsDep = Annotated[Surroundings, Depends(surroundings)]


def next_attempt_plan(
    session: Session, job: Job, cluster: ClusterSettings, views: ClusterViews
) -> AttemptPlan | CheckPlan | ServePlan:
    """Plan of a job's next attempt. Raises InvalidInput when that attempt is no longer possible."""
    registered = views.view(session, cluster.name).datasets
    saves = partial(longest_saves, session, cluster.name, models=cluster.models)
    inputs = load_inputs(session, [job], belongings(session, [job.id]).datasets, cluster, registered, saves)
    return plan_next(job, cluster, inputs[job.id])
