"""Jobs as rows of a list. Pure."""

from collections.abc import Sequence
from datetime import datetime

from packtrain.cli.text.table import Column
from packtrain.cli.text.units import age, clock_time, number, seconds_between, short_duration
from packtrain.schema import Job
from packtrain.transport.long_poll import ENDED

_SHORT_ID = len("job_") + 8
_STYLES = {
    "running": "cyan",
    "succeeded": "green",
    "failed": "bold red",
    "cancelled": "dim",
    "held": "yellow",
    "queued": "yellow",
    "submitting": "yellow",
    "pending": "yellow",
}
COLUMNS = (
    Column("JOB"),
    Column("NAME", least_width=16, is_name=True),
    Column("STATUS", style=lambda status: _STYLES.get(status, "")),
    Column("DETAIL", least_width=14),
    Column("GPUS", left_out=2),
    Column("SLURM", left_out=3),
    Column("RAN", left_out=1),
    Column("OWNER", left_out=4, least_width=8),
    Column("AGE", left_out=5),
)


def job_row(job: Job, shown_id: str, moment: datetime) -> tuple[str, ...]:
    """Cells of a job, in the order of COLUMNS."""
    slurm_id = job["slurm_job_id"]
    return (
        shown_id,
        job["name"],
        job["status"],
        detail(job, moment),
        _gpus(job),
        "" if slurm_id is None else str(slurm_id),
        _run_time(job, moment),
        job["owner"],
        age(job["created_at"], moment),
    )


def short_ids(ids: Sequence[str]) -> dict[str, str]:
    """Beginnings by which these ids are told apart, some eight letters long."""
    length = _SHORT_ID
    while len({each[:length] for each in ids}) < len(set(ids)):
        length += 1
    return {each: each[:length] for each in ids}


def detail(job: Job, moment: datetime) -> str:
    """Its place in the queue, Slurm's reason, its steps and time left, or its end: by its status."""
    status = job["status"]
    if job["unreachable_since"] and status not in ENDED:
        return f"no answer since {clock_time(job['unreachable_since'], moment)}"
    if status == "queued" and (place := job["progress"]["queue_position"]) is not None:
        return ": ".join(part for part in (_place(job, place, moment), job["status_reason"]) if part)
    if status == "pending":
        return _pending(job, moment)
    if status == "running":
        return _running(job, moment)
    if status == "succeeded":
        return _success(job)
    failure = job["failure"]
    return failure["code"].replace("_", " ") if failure else job["status_reason"] or ""


def _place(job: Job, place: int, moment: datetime) -> str:
    start = job["progress"]["expected_start_at"]
    return f"place {place}, starts {clock_time(start, moment)}" if start else f"place {place}"


def _pending(job: Job, moment: datetime) -> str:
    reason = job["slurm_reason"] if job["slurm_reason"] not in (None, "None") else ""
    start = job["progress"]["expected_start_at"]
    return ", ".join(part for part in (reason, f"starts {clock_time(start, moment)}" if start else "") if part)


def _running(job: Job, moment: datetime) -> str:
    progress = job["progress"]
    current, total, left = progress["current_steps"], progress["total_steps"], progress["eta_seconds"]
    done = "starts" if current is None else f"{current}/{total}" if total else f"step {current}"
    if progress["stalled_since"]:
        return f"{done}, stands since {clock_time(progress['stalled_since'], moment)}"
    return f"{done}, {short_duration(left)} left" if left is not None else done


def _success(job: Job) -> str:
    progress = job["progress"]
    if (job["result"] or {}).get("diverged"):
        return "diverged"
    named = (("loss", progress["loss"]), ("eval", progress["eval_loss"]))
    return "  ".join(f"{name} {number(value)}" for name, value in named if value is not None)


def _gpus(job: Job) -> str:
    on_each = job["resources"].get("gpus_per_node")
    return "" if on_each is None else str(on_each * (job["resources"].get("nodes") or 1))


def _run_time(job: Job, moment: datetime) -> str:
    end = job["finished_at"] or (moment.isoformat() if job["status"] == "running" else None)
    seconds = seconds_between(job["started_at"], end)
    return "" if seconds is None else short_duration(seconds)
