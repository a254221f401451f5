"""A job and its progress in words. Pure: what the server sent in, plain lines out (made inert where they are shown)."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from packtrain.cli.text.units import clock_time, duration, number, seconds_between
from packtrain.schema import Attempt, Job, Progress
from packtrain.transport.long_poll import ENDED

_PLAIN_END = "finished"
"""The worker's reason for a success of which there is no more to say."""


def status_line(job: Job, now: datetime) -> str:
    """Status of a job and the reason: queued with its position, pending with Slurm's reason, running on its cluster."""
    progress, status = job["progress"], job["status"]
    line: str = status
    if status == "pending":
        line += _pending(job, now)
    elif status == "running":
        line += _running(job, now)
    else:
        # one that is held keeps its place, and is in no queue
        is_in_line = status == "queued" and progress["queue_position"] is not None
        line += f", place {progress['queue_position']} in our queue" if is_in_line else ""
        line += f": {job['status_reason']}" if job["status_reason"] else ""
    if job["cancel_requested_at"] and status not in ENDED:
        line += ", to be cancelled"
    if job["hold_requested_at"]:
        line += ", to be held"
    unattended_since = progress.get("unattended_since")
    if unattended_since and status in ("pending", "running"):  # of others the reason says it
        line += f", as last seen: no worker drives the cluster since {clock_time(unattended_since, now)}"
    elif job["unreachable_since"]:
        line += f", the cluster has not answered since {clock_time(job['unreachable_since'], now)}"
    return line


def steps(progress: Progress) -> str | None:
    """`45/90 steps  50 %  epoch 1.02`, as far as known."""
    current, total = progress["current_steps"], progress["total_steps"]
    if current is None:
        return None
    words = [f"{current}/{total} steps" if total else f"{current} steps"]
    if progress["percentage"] is not None:
        words.append(f"{progress['percentage']:.0f} %")
    if progress["epoch"] is not None:
        words.append(f"epoch {progress['epoch']:.2f}")
    return "  ".join(words)


def measures(progress: Progress) -> str:
    """`loss 2.2031  lr 2.6e-05`, as far as known."""
    named = (("loss", progress["loss"]), ("eval loss", progress["eval_loss"]), ("lr", progress["learning_rate"]))
    words = [f"{name} {number(value)}" for name, value in named if value is not None]
    if progress["tokens_per_second"] is not None:
        words.append(f"{progress['tokens_per_second']:,.0f} tokens/s")
    return "  ".join(words)


def time_left(progress: Progress, now: datetime) -> str | None:
    """`9 min left (7 min to 12 min), done about 14:32`, when the server can tell."""
    eta, low, high = progress["eta_seconds"], progress["eta_low_seconds"], progress["eta_high_seconds"]
    if eta is None:
        return None
    line = f"{duration(eta)} left"
    if low is not None and high is not None and duration(low) != duration(high):
        line += f" ({duration(low)} to {duration(high)})"
    if progress["expected_end_at"]:
        line += f", done about {clock_time(progress['expected_end_at'], now)}"
    return line


def ending(job: Job) -> list[str]:
    """Lines on the outcome of an ended job: how long it took, its numbers, or why it failed and the hint."""
    took = seconds_between(job["started_at"], job["finished_at"])
    waited = seconds_between(job["created_at"], job["started_at"])
    head = f"{job['id']} {job['status']}"
    if took is not None:
        head += f" after {duration(took)}"
        head += f" (and {duration(waited)} of waiting)" if waited is not None and waited >= 1 else ""
    failure = job["failure"]
    if failure is None:
        says_more = job["status_reason"] not in (None, "", _PLAIN_END)
        return [head, *([f"  {job['status_reason']}"] if says_more else []), *result_lines(job["result"])]
    lines = [head, f"  {failure['message']}"]
    lines += [f"    -> {failure['hint']}"] if failure["hint"] else []
    return [*lines, *(f"  | {line}" for line in failure["evidence"])]


def how_to_retry(job: Job) -> str:
    """The command that queues an ended job once more, with what was advised where something was."""
    failure = job["failure"]
    advised = failure.get("retry", {}) if failure else {}
    return f"  corrected?   packtrain retry {job['id']}" if advised is None else retry_command(job["id"], advised)


def retry_command(job_id: str, advised: Mapping[str, Any]) -> str:
    """The command for a retry with what is advised, if anything is."""
    if not advised:
        return f"  once more    packtrain retry {job_id}"
    changes = {**advised.get("config", {}), **advised.get("resources", {})}
    words = "  ".join(f"{name}={_plain(it)}" for name, it in changes.items())
    return f"  once more    packtrain retry {job_id} --advised  ({words})"


def _plain(value: Any) -> str:
    """As it would stand in a configuration file."""
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def attempt_lines(job: Job) -> list[str]:
    """Each attempt of a job that has more than one: where, which steps, and why it ended."""
    if len(job["attempts"]) < 2:
        return []
    return [f"attempt {attempt['number']:<2}{_course(attempt)}" for attempt in job["attempts"]]


def result_lines(result: Mapping[str, Any] | None) -> list[str]:
    """The plain values of a result, one a line."""
    plain = {name: value for name, value in (result or {}).items() if isinstance(value, str | int | float)}
    width = max(map(len, plain), default=0)
    return [
        f"  {name:<{width}}  {number(value) if isinstance(value, float) else value}" for name, value in plain.items()
    ]


def _course(attempt: Attempt) -> str:
    words = [f"on {attempt['nodes']}"] if attempt["nodes"] else []
    words += [f"from checkpoint {attempt['resumed_step']}"] if attempt["resumed_step"] else []
    words += [f"steps {attempt['first_step']} to {attempt['last_step']}"] if attempt["last_step"] is not None else []
    words += [attempt["ended_by"]] if attempt["ended_by"] else []
    return ", ".join(words) or "on its way"


def _pending(job: Job, now: datetime) -> str:
    line = f" in Slurm's queue on {job['cluster']} as {job['slurm_job_id']}"
    line += f": {job['slurm_reason']}" if job["slurm_reason"] and job["slurm_reason"] != "None" else ""
    start = job["progress"]["expected_start_at"]
    return line + (f", expected to start about {clock_time(start, now)}" if start else "")


def _running(job: Job, now: datetime) -> str:
    line = f" on {job['cluster']} as Slurm job {job['slurm_job_id']}"
    line += f", attempt {job['attempt']}" if job["attempt"] > 1 else ""
    line += f", since {clock_time(job['started_at'], now)}" if job["started_at"] else ""
    stalled = job["progress"]["stalled_since"]
    return line + (f", no new step since {clock_time(stalled, now)}" if stalled else "")
