"""One job in full, as lines. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from packtrain.cli.request.job_changes import advice_in
from packtrain.cli.request.remarks import remark_lines
from packtrain.cli.text.job_text import (
    attempt_lines,
    ending,
    how_to_retry,
    measures,
    retry_command,
    status_line,
    steps,
    time_left,
)
from packtrain.cli.text.units import clock_time
from packtrain.schema import Event, Job
from packtrain.transport.long_poll import ENDED

_MODEL = ("model_name_or_path", "adapter_name_or_path")


def detail_lines(job: Job, events: Sequence[Event], data_names: Mapping[str, str], moment: datetime) -> list[str]:
    """The head, what it asks for and is made of, its attempts, and what was remarked on it."""
    ended = job["status"] in ENDED
    head = ending(job) if ended else [f"{job['id']} {status_line(job, moment)}"]
    head += [how_to_retry(job), ""] if job["failure"] else _advice(job, events)
    pairs = {**_origin(job, moment), **_model_and_data(job, data_names), **_course(job, moment)}
    lines = (f"  {name:<9} {value}" for name, value in pairs.items() if value)
    remarks = [f"  {line}" for line in remark_lines(events)]
    return [*head, *lines, *(f"  {line}" for line in attempt_lines(job)), *remarks]


def _origin(job: Job, moment: datetime) -> dict[str, Any]:
    return {
        "name": job["name"],
        "kind": job["kind"] if job["kind"] != "train" else None,
        "owner": job["owner"],
        "created": clock_time(job["created_at"], moment),
        "cluster": job["cluster"],
        "slurm": _slurm(job),
        "recipe": job["recipe"],
        "from": job["source_job"],
        "retry of": job.get("retry_of"),
        "after": "  ".join(job["depends_on"]),
    }


def _model_and_data(job: Job, data_names: Mapping[str, str]) -> dict[str, Any]:
    config = job["config"]
    used = {name: _named(config.get(name)) for name in ("dataset", "eval_dataset")}
    beside = [data for data in job["datasets"] if not any(data in names for names in used.values())]
    used["eval_dataset" if job["kind"] == "predict" else "dataset"] += beside

    def shown(names: Sequence[str]) -> str:
        return "  ".join(f"{name} ({data_names[name]})" if name in data_names else name for name in names)

    return {
        "model": "  ".join(str(config[name]) for name in _MODEL if config.get(name)),
        "data": shown(used["dataset"]),
        "eval data": shown(used["eval_dataset"]),
    }


def _course(job: Job, moment: datetime) -> dict[str, Any]:
    asked = [(key, value) for key, value in job["resources"].items() if key != "cluster"]
    progress = job["progress"]
    return {
        "asks for": "  ".join(f"{key}={value}" for key, value in asked if value is not None),
        "priority": job["priority"] or None,
        "tags": "  ".join(f"{key}={value}" for key, value in job["tags"].items()),
        "steps": steps(progress),
        "numbers": measures(progress),
        "left": None if job["status"] in ENDED else time_left(progress, moment),
    }


def _named(value: Any) -> list[str]:
    """Names of data sets as LLaMA-Factory takes them: a list, or one text with commas."""
    names = value if isinstance(value, list) else str(value or "").split(",")
    return [str(name).strip() for name in names if str(name).strip()]


def _advice(job: Job, events: Sequence[Event]) -> list[str]:
    """Command that retries a success that was warned of."""
    advice = advice_in(events)
    if advice is None:
        return []
    hint = next((event["data"].get("hint") for event in reversed(events) if event["data"].get("retry") is advice), None)
    return [*([f"    -> {hint}"] if hint else []), retry_command(job["id"], advice), ""]


def _slurm(job: Job) -> str:
    """Slurm's own words: `job 41, PENDING (Resources)`."""
    if job["slurm_job_id"] is None:
        return ""
    reason = f" ({job['slurm_reason']})" if job["slurm_reason"] not in (None, "None") else ""
    return ", ".join(part for part in (f"job {job['slurm_job_id']}", f"{job['slurm_state'] or ''}{reason}") if part)
