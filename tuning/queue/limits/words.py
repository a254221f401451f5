"""Limits in words, for people: whose it is, how much, what is in use by which jobs, and until when."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from tuning.queue.limits.admission import HeldBack
from tuning.queue.limits.limit import EACH, Bound, LimitKind, Place, SubjectKind, Use, member_of

MOST_NAMED = 3
"""Jobs that a sentence names; of the others it tells the number."""
Seen = Callable[[Place], bool]
"""Whether a reader may see the jobs of a place."""


def held_words(held: HeldBack, now: datetime, seen: Seen | None = None) -> str:
    """The limit that holds a job back, its use, and about when the job fits.

    It names jobs that the reader may see; without a reader, as in what is stored for all, none.
    """
    limit = held.bound.limit
    if limit.kind is LimitKind.TIME_LIMIT:
        return f"{limit_words(held.bound)}, and this job asks for {_duration(held.needs)}"
    if limit.kind is LimitKind.RUNNING_JOBS and limit.amount < 1:
        return limit_words(held.bound)
    asked = f", and this job needs {amount_words(limit.kind, held.needs)}" if held.needs > 1 else ""
    if held.needs > limit.amount:
        return f"{limit_words(held.bound)}{asked}"
    until = f" until about {_moment(held.frees_at, now)}" if held.frees_at is not None else ""
    behind = "; a job that has waited for longer comes first" if held.is_behind else ""
    return f"{limit_words(held.bound)}: {use_words(limit.kind, held.use, seen)}{until}{asked}{behind}"


def limit_words(bound: Bound) -> str:
    """A limit as it binds somebody: `the team mt may have 8 GPUs at once on the cluster lab`."""
    limit = bound.limit
    where = f" on the cluster {limit.cluster}" if limit.cluster else ""
    where += f" in the partition {limit.partition}" if limit.partition else ""
    where += f" of class {limit.job_class}" if limit.job_class else ""
    if limit.kind is LimitKind.RUNNING_JOBS and limit.amount < 1:
        return f"{_whose(bound)} may run no jobs{where}"
    return f"{_whose(bound)} {_MAY[limit.kind](amount_words(limit.kind, limit.amount))}{where}"


def use_words(kind: LimitKind, use: Use, seen: Seen | None = None) -> str:
    """The use of a limit: `8 in use by job_a, job_b, 2 more and 3 jobs of others`; without a reader `by 5 jobs`."""
    jobs = _jobs(use, seen)
    return f"{amount_words(kind, use.amount)} in use{f' by {jobs}' if jobs else ''}"


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


def _jobs(use: Use, seen: Seen | None) -> str:
    if seen is None:
        return _counted("job", len(use.held_by))
    shown = [holder.job_id for holder in use.held_by if seen(holder.job.place)]
    more, others = max(len(shown) - MOST_NAMED, 0), len(use.held_by) - len(shown)
    of_others = f"{_counted('job', others)} of others" if others else ""
    return " and ".join(filter(None, (", ".join(shown[:MOST_NAMED]), f"{more} more" if more else "", of_others)))


def _counted(word: str, count: int) -> str:
    return f"{count} {_plural(word, str(count))}" if count else ""


def _whose(bound: Bound) -> str:
    if bound.limit.subject_kind is SubjectKind.EVERYBODY:
        return "everybody together"
    if bound.limit.subject_kind is SubjectKind.MEMBER:
        team, user = member_of(bound.subject)
        return f"{'each member' if user == EACH else user} of the team {team}"
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
