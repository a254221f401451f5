"""Limits in words, for people: whose it is, how much, what is in use by which jobs, and until when."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from tuning.queue.limits import Bound, HeldBack, LimitKind, SubjectKind, Use

MOST_NAMED = 3
"""Jobs that a sentence names; of the others it tells the number."""


def held_words(held: HeldBack, now: datetime) -> str:
    """The limit that holds a job back, its use, and about when the job fits."""
    limit = held.bound.limit
    if limit.kind is LimitKind.TIME_LIMIT:
        return f"{limit_words(held.bound)}, and this job asks for {_duration(held.needs)}"
    if limit.kind is LimitKind.RUNNING_JOBS and limit.amount < 1:
        return limit_words(held.bound)
    asked = f", and this job needs {amount_words(limit.kind, held.needs)}" if held.needs > 1 else ""
    if held.needs > limit.amount:
        return f"{limit_words(held.bound)}{asked}"
    until = f" until about {_moment(held.frees_at, now)}" if held.frees_at is not None else ""
    return f"{limit_words(held.bound)}: {use_words(limit.kind, held.use)}{until}{asked}"


def limit_words(bound: Bound) -> str:
    """A limit as it binds somebody: `the team mt may have 8 GPUs at once on the cluster lab`."""
    limit = bound.limit
    where = f" on the cluster {limit.cluster}" if limit.cluster else ""
    where += f" in the partition {limit.partition}" if limit.partition else ""
    where += f" of class {limit.job_class}" if limit.job_class else ""
    if limit.kind is LimitKind.RUNNING_JOBS and limit.amount < 1:
        return f"{_whose(bound)} may run no jobs{where}"
    return f"{_whose(bound)} {_MAY[limit.kind](amount_words(limit.kind, limit.amount))}{where}"


def use_words(kind: LimitKind, use: Use) -> str:
    """The use of a limit: `8 in use by job_a, job_b and 3 more`."""
    named = [holder.job_id for holder in use.held_by[:MOST_NAMED]]
    more = len(use.held_by) - len(named)
    jobs = f" by {', '.join(named)}" if named else ""
    return f"{amount_words(kind, use.amount)} in use{jobs}{f' and {more} more' if more else ''}"


def amount_words(kind: LimitKind, amount: float) -> str:
    """An amount as people write it: a duration, a size, a number."""
    if kind is LimitKind.TIME_LIMIT:
        return _duration(amount)
    if kind in (LimitKind.DATASET_BYTES, LimitKind.RESULT_BYTES):
        return f"{amount:.0f} bytes"
    return f"{amount:.1f}".removesuffix(".0")


_MAY: Mapping[LimitKind, Callable[[str], str]] = {
    LimitKind.RUNNING_JOBS: lambda amount: f"may run {amount} {_plural('job', amount)} at once",
    LimitKind.GPUS: lambda amount: f"may have {amount} {_plural('GPU', amount)} at once",
    LimitKind.QUEUED_JOBS: lambda amount: f"may have {amount} {_plural('job', amount)} waiting",
    LimitKind.GPU_HOURS: lambda amount: f"may use {amount} GPU {_plural('hour', amount)} in 30 days",
    LimitKind.TIME_LIMIT: lambda amount: f"may ask for time limits of {amount} at most",
    LimitKind.DATASET_BYTES: lambda amount: f"may keep {amount} of data sets on the server",
    LimitKind.RESULT_BYTES: lambda amount: f"may keep {amount} of results",
}


def _whose(bound: Bound) -> str:
    if bound.limit.subject_kind is SubjectKind.EVERYBODY:
        return "everybody together"
    return f"the {bound.limit.subject_kind} {bound.subject}"


def _plural(word: str, amount: str) -> str:
    return word if amount == "1" else f"{word}s"


def _moment(at: datetime, now: datetime) -> str:
    local = at.astimezone(UTC)
    is_near = abs(at - now) < timedelta(hours=20)
    return local.strftime("%H:%M UTC" if is_near else "%b %d %H:%M UTC")


def _duration(seconds: float) -> str:
    """As Slurm writes it: D-HH:MM:SS."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{f'{days}-' if days else ''}{hour:02d}:{minute:02d}:{second:02d}"
