"""Choices of the form: clusters with what they have, recipes, secrets, and the limits that hold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from server.clusters.views import ClusterViews
from server.dashboard.new_job.recipe_text import recipe_text
from tuning.clusters.model_aliases import aliases_of
from tuning.jobs.actions.limits import LimitUse, limits_in_use
from tuning.jobs.request.resources import ClusterView
from tuning.people.scopes import Scope
from tuning.people.tokens import Principal
from tuning.queue.limits.limit import LimitKind
from tuning.queue.limits.words import amount_words, limit_words
from tuning.recipes.catalogue import recipes
from tuning.secrets.service import secrets_of
from tuning.settings import ClusterSettings

_MOST_NAMES = 500
_MOST_LIMITS = 20


@dataclass(frozen=True)
class LimitLine:
    """A limit in words, and how much of it is in use."""

    words: str
    in_use: str | None
    """None where nothing is counted: a limit of each job's own."""
    is_reached: bool


def cluster_choices(
    session: Session, clusters: Mapping[str, ClusterSettings], views: ClusterViews
) -> list[dict[str, Any]]:
    """Each cluster with its partitions, defaults, models and registered data sets, for the form and its script."""
    return [_cluster(session, settings, views.view(session, name)) for name, settings in clusters.items()]


def recipe_choices() -> list[dict[str, Any]]:
    """Each recipe with the text that one begins with."""
    shown = ("name", "title", "description", "kind", "data")
    return [{**recipe.model_dump(include=set(shown)), "text": recipe_text(recipe)} for recipe in recipes().values()]


def secret_names(session: Session, reader: Principal) -> list[str]:
    """Names of the reader's secrets."""
    return [secret.name for secret in secrets_of(session, reader.user_id)]


def limit_lines(session: Session, reader: Principal, now: datetime) -> list[LimitLine]:
    """The limits that hold for the reader; an administrator's own too, not all that they may see."""
    bound = replace(reader, scope=Scope.SUBMIT)
    return [_line(found) for found in limits_in_use(session, bound, now)[:_MOST_LIMITS]]


def _cluster(session: Session, settings: ClusterSettings, view: ClusterView) -> dict[str, Any]:
    partitions = [
        {
            "name": name,
            "nodes": partition.nodes,
            "gpus_per_node": partition.gpus_per_node,
            "gpu_types": sorted(partition.gpu_types),
            "max_seconds": partition.max_seconds,
        }
        for name, partition in sorted(view.partitions.items())
    ]
    return {
        "name": settings.name,
        "partitions": partitions,
        "defaults": settings.defaults.model_dump(mode="json", exclude_none=True),
        "models": _names({*settings.models, *aliases_of(session, settings.name)}),
        "datasets": _names(view.datasets or ()),
    }


def _names(names: Iterable[str]) -> list[str]:
    return sorted(names)[:_MOST_NAMES]


def _line(found: LimitUse) -> LimitLine:
    limit, use = found.limit, found.use
    is_counted = limit.kind is not LimitKind.TIME_LIMIT
    in_use = amount_words(limit.kind, use.amount) if is_counted else None
    return LimitLine(limit_words(found.bound), in_use, is_counted and use.amount >= limit.amount)
