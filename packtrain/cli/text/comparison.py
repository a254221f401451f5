"""Runs side by side: where they differ, and what came of them. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from packtrain.cli.text.units import duration, number, seconds_between
from packtrain.schema import Job

Values = Mapping[str, Sequence[Any]]
"""A value for each run, by name."""
_MISSING = ""


def compared(jobs: Sequence[Job], *, everything: bool = False) -> dict[str, list[Any]]:
    """Rows of the runs' requests: the values that are not all alike, or all of them."""
    each = [_asked(job) for job in jobs]
    names = list(dict.fromkeys(name for values in each for name in values))
    table = {name: [values.get(name) for values in each] for name in names}
    return {name: values for name, values in table.items() if everything or any(it != values[0] for it in values)}


def figures(jobs: Sequence[Job]) -> dict[str, list[Any]]:
    """Rows of the runs' outcomes: status, time, losses and all else that a result holds."""
    each = [_came(job) for job in jobs]
    names = list(dict.fromkeys(name for values in each for name in values))
    table = {name: [values.get(name) for values in each] for name in names}
    return {name: values for name, values in table.items() if any(it is not None for it in values)}


def shown(table: Values) -> list[tuple[str, ...]]:
    """Rows of text."""
    return [(name, *map(_text, values)) for name, values in table.items()]


def _asked(job: Job) -> dict[str, Any]:
    words = {name: job.get(name) for name in ("kind", "recipe", "source_job", "checkpoint", "cluster")}
    resources = {f"resources.{name}": value for name, value in job["resources"].items() if name != "cluster"}
    return {**words, **job["config"], "datasets": job["datasets"] or None, **resources}


def _came(job: Job) -> dict[str, Any]:
    progress = job["progress"]
    ran = seconds_between(job["started_at"], job["finished_at"])
    plain = {name: value for name, value in (job["result"] or {}).items() if isinstance(value, str | int | float)}
    failure = job["failure"]
    return {
        "status": job["status"],
        "failure": failure["code"] if failure else None,
        "ran": duration(ran) if ran is not None else None,
        "attempts": job["attempt"],
        "steps": progress["current_steps"],
        "loss": progress["loss"],
        "eval_loss": progress["eval_loss"],
        **plain,
    }


def _text(value: Any) -> str:
    if value is None:
        return _MISSING
    if isinstance(value, float):
        return number(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
