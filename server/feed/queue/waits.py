"""Reason for which a job has not begun: of which kind it is, in words, and which jobs end it. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from server.feed.queue.machine import Machine, run_ends
from server.feed.queue.view import QueueView
from tuning.jobs.queries.queue.standing import RunningRow, WaitingRow
from tuning.jobs.sight import seen_by
from tuning.jobs.status import JobStatus
from tuning.people.tokens import Principal
from tuning.queue.estimate import Estimate
from tuning.queue.limits.admission import HeldBack
from tuning.queue.limits.words import held_words

_MOST_HELD_BY = 10
_MOST_LISTED = 3


class WaitKind(StrEnum):
    """Kind of thing that a job waits for."""

    LIMIT = "limit"
    GPUS = "gpus"
    DEPENDENCY = "dependency"
    DATA = "data"
    HOLD = "hold"
    WINDOW = "window"
    CLUSTER = "cluster"
    NOTHING = "nothing"


@dataclass(frozen=True)
class HoldingJob:
    """A job whose end lets another one start, and when that is expected (seconds since 1970)."""

    job_id: str
    ends_at: float | None


@dataclass(frozen=True)
class Wait:
    """Reason for which a job has not begun."""

    kind: WaitKind
    words: str
    held_by: Sequence[HoldingJob] = ()
    limit: float | None = None
    in_use: float | None = None


@dataclass(frozen=True)
class Surroundings:
    """Circumstances beside the queue itself."""

    absence: str | None = None
    """In words, where no worker drives the cluster."""
    lacks_data: bool = False
    """Whether a data set of the job is not on the cluster yet."""
    hidden: Collection[str] = frozenset()
    """Ids of the jobs that it waits for and that the reader may not see."""


def wait_of(row: WaitingRow, view: QueueView, around: Surroundings, reader: Principal) -> Wait:
    """The first reason of a job's wait: its owner, the cluster, other jobs, a limit, its data, Slurm, at last GPUs.

    Of other jobs it names those that the reader may see, and counts the rest.
    """
    if row.status is JobStatus.HELD:
        return Wait(WaitKind.HOLD, row.status_reason or "held until it is released")
    if around.absence is not None:
        return Wait(WaitKind.CLUSTER, around.absence)
    if row.job.id in view.readings.unmet:
        return _for_others(row, view, around.hidden)
    if (held := view.held_back.get(row.job.id)) is not None:
        return _at_limit(held, view, reader)
    if around.lacks_data:
        return Wait(WaitKind.DATA, row.status_reason or "its data is yet to be copied to the cluster")
    return _in_our_queue(row, view, reader) if row.status is JobStatus.QUEUED else _in_slurm(row)


def _at_limit(held: HeldBack, view: QueueView, reader: Principal) -> Wait:
    seen, now = seen_by(reader), view.readings.read_at
    shown = [holder for holder in held.use.held_by if seen(holder.job.place)][:_MOST_HELD_BY]
    ends = [holder.expected_end_at.timestamp() if holder.expected_end_at else None for holder in shown]
    held_by = [HoldingJob(holder.job_id, ends_at) for holder, ends_at in zip(shown, ends, strict=True)]
    unknown = "" if held.job_id in view.forecasts() else "; nothing tells yet when it starts"
    words = f"{held_words(held, now, seen)}{unknown}"
    return Wait(WaitKind.LIMIT, words, held_by, held.bound.limit.amount, held.use.amount)


def _in_slurm(row: WaitingRow) -> Wait:
    if row.status is JobStatus.PENDING:
        return Wait(WaitKind.GPUS, row.status_reason or "it waits in Slurm's own queue")
    return Wait(WaitKind.NOTHING, "it is being handed to Slurm")


def _for_others(row: WaitingRow, view: QueueView, hidden: Collection[str]) -> Wait:
    awaited = [job_id for job_id in view.readings.unmet[row.job.id] if job_id not in hidden]
    ends = {run.job_id: run_ends(run, view.readings).expected for run in view.readings.rows.running}
    forecasts = view.forecasts()
    ends |= {job_id: forecasts[job_id].ends_at.expected for job_id in awaited if job_id in forecasts}
    of_others = len(view.readings.unmet[row.job.id]) - len(awaited)
    words = f"it waits until {_listed(awaited, of_others)} succeeded"
    held_by = [HoldingJob(job_id, ends.get(job_id)) for job_id in awaited[:_MOST_HELD_BY]]
    return Wait(WaitKind.DEPENDENCY, words, held_by)


def _in_our_queue(row: WaitingRow, view: QueueView, reader: Principal) -> Wait:
    machine = next((each for each in view.machines if row.partition in each.partitions), None)
    if machine is None or row.job.gpus <= 0:
        return _without_gpus(row, view)
    gpu_type = row.job.gpu_type if machine.gpus.by_type else None
    free, gpus = machine.free.of(gpu_type), machine.gpus.of(gpu_type)
    there = f"{gpus} of type {gpu_type}" if gpu_type is not None else f"{gpus}"
    if row.job.gpus > gpus:
        return Wait(WaitKind.GPUS, f"it needs {_gpus(row.job.gpus)}: the nodes that it may use have {there}")
    forecast = view.forecasts().get(row.job.id)
    if forecast is not None and forecast.starts_at.expected <= view.readings.read_at.timestamp():
        return Wait(WaitKind.NOTHING, f"{_gpus(free)} of {there} are free: it is handed to Slurm next")
    ahead = (view.place(row.job.id) or 1) - 1
    first = f", and {ahead} {'job comes' if ahead == 1 else 'jobs come'} first" if ahead else ""
    runs = list(_next_ends(machine, row.job.gpus, gpu_type))
    seen = [(run, ends) for run, ends in runs if reader.may_see(run.person.name, run.person.team)]
    hidden = len(runs) - len(seen)
    others = f"; it waits for {_of_others(hidden)} to end" if hidden else ""
    words = f"it needs {_gpus(row.job.gpus)}: {free} of {there} are free{first}{others}"
    return Wait(WaitKind.GPUS, words, [HoldingJob(run.job_id, ends.expected) for run, ends in seen])


def _without_gpus(row: WaitingRow, view: QueueView) -> Wait:
    """Nothing is known of GPUs: it is handed over in its turn."""
    place = view.place(row.job.id) or 1
    if row.status_reason:
        return Wait(WaitKind.CLUSTER, row.status_reason)
    if place > 1:
        return Wait(WaitKind.WINDOW, f"it is handed to Slurm after {place - 1} that come before it")
    return Wait(WaitKind.NOTHING, "it is handed to Slurm next")


def _next_ends(machine: Machine, gpus: int, gpu_type: str | None) -> Iterator[tuple[RunningRow, Estimate]]:
    """The runs that end first, until enough GPUs (of the type) are free for the job."""
    free = machine.free.of(gpu_type)
    helping = (each for each in machine.running if gpu_type is None or each[0].gpu_type == gpu_type)
    for run, ends in sorted(helping, key=lambda each: each[1].expected)[:_MOST_HELD_BY]:
        if free >= gpus:
            break
        if run.gpus > 0:
            free += run.gpus
            yield run, ends


def _gpus(count: int) -> str:
    return f"{count} GPU{'' if count == 1 else 's'}"


def _of_others(count: int) -> str:
    return f"{count} job{'' if count == 1 else 's'} of others"


def _listed(job_ids: Sequence[str], of_others: int) -> str:
    rest = len(job_ids) - _MOST_LISTED
    parts = [", ".join(job_ids[:_MOST_LISTED]), f"{rest} more" if rest > 0 else ""]
    parts.append(_of_others(of_others) if of_others else "")
    return f"{' and '.join(filter(None, parts))} {'has' if len(job_ids) + of_others == 1 else 'have'}"
