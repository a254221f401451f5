"""Longest saves of checkpoints in other jobs, for a job that has not shown its own yet."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select, union_all
from sqlalchemy.orm import Session

from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import JobStatus

_STATUSES = (JobStatus.RUNNING, JobStatus.SUCCEEDED, JobStatus.FAILED)
"""Of jobs that may have saved; FAILED has those that reached their time limit."""
_RECENT = 100
"""The newest jobs of each status: the cost is the same however many there are."""
_DEFAULT_TYPE = "lora"
"""LLaMA-Factory's finetuning_type."""


@dataclass(frozen=True)
class Saved:
    """Model and finetuning_type, which set a checkpoint's size: an adapter is small beside a model trained whole."""

    model: str
    finetuning_type: str


def saved_by(config: Mapping[str, Any], models: Mapping[str, str]) -> Saved | None:
    """Model and type that a configuration saves, on a cluster with these names for models; None if it names none."""
    model = config.get("model_name_or_path")
    if not isinstance(model, str):
        return None
    return Saved(models.get(model, model), str(config.get("finetuning_type") or _DEFAULT_TYPE))


def longest_saves(
    session: Session, cluster: str, wanted: Collection[Saved], models: Mapping[str, str]
) -> dict[Saved, float]:
    """Seconds of the longest save among the recent jobs of a cluster that save the same; unknown ones are missing."""
    longest: dict[Saved, float] = {}
    given = {"cluster": cluster, "names": sorted(_names(wanted, models))}
    for model, finetuning_type, saves in session.connection().execute(_recent(), given):
        saved = saved_by({"model_name_or_path": model, "finetuning_type": finetuning_type}, models)
        known = [seconds for seconds in saves or () if math.isfinite(seconds)]
        if saved is not None and saved in wanted and known:
            longest[saved] = max(longest.get(saved, 0.0), *known)  # a noisy measure may lie below 0
    return longest


def longest_save_like(
    session: Session, cluster: str, config: Mapping[str, Any], models: Mapping[str, str]
) -> float | None:
    """Seconds of the longest recent save for one configuration; None where no recent job has shown it."""
    saved = saved_by(config, models)
    return longest_saves(session, cluster, {saved}, models).get(saved) if saved else None


def _names(wanted: Collection[Saved], models: Mapping[str, str]) -> set[str]:
    """The words by which a configuration may name these models."""
    paths = {saved.model for saved in wanted}
    return paths | {name for name, path in models.items() if path in paths}


@cache  # whoever submits waits for it, and to build it costs several times what it costs to run it
def _recent() -> Select[str, str | None, list[float] | None]:
    """(model, finetuning_type, seconds of saves) of the attempts of recent jobs; each part by the index of statuses."""
    newest = [
        select(
            select(Job.id).where(Job.status == status).order_by(Job.created_at.desc()).limit(_RECENT).subquery().c.id
        )
        for status in _STATUSES
    ]
    model = Job.config["model_name_or_path"].as_string()
    like_it = (Job.kind == "train", model.in_(bindparam("names", expanding=True)))
    return (
        select(model, Job.config["finetuning_type"].as_string(), Attempt.eta_state["saves"])
        .join(Attempt, Attempt.job_id == Job.id)
        .where(Job.id.in_(union_all(*newest)), Job.cluster == bindparam("cluster"), *like_it)
    )
