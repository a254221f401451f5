"""Readings of a cluster's queue: everything that places and forecasts follow from, read in one session."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from tuning.clusters.repository import snapshot_of, snapshot_time
from tuning.clusters.snapshot import Snapshot
from tuning.jobs.queries.dependencies import unmet_dependencies
from tuning.jobs.queries.queue.standing import QueueRows, WaitingRow, queue_rows, waiting_rows
from tuning.jobs.queries.run_parts import GivenBack, gpus_given_back, run_parts
from tuning.jobs.queries.use.leaving_hours import Leaves, leaving_hours
from tuning.jobs.queries.use.limits import clusters_that_share, limited_jobs, load_limits, start_uses
from tuning.jobs.queries.use.result_sizes import ResultSizes
from tuning.jobs.status import JobStatus
from tuning.queue.limits.limit import NO_USE, Account, Bound, LimitedJob, LimitKind, Limits, Use, is_exceeded
from tuning.queue.waiting_job import Person


@dataclass(frozen=True)
class Readings:
    """Rows of a cluster's queue at a moment, and the cluster as it last described itself."""

    cluster: str
    read_at: datetime
    rows: QueueRows
    held: Sequence[WaitingRow]
    unmet: Mapping[str, Sequence[str]]
    """Of the queued jobs that wait for others, the ids of these."""
    parts: Mapping[Person, Sequence[float]]
    """Of their time limits that people's last runs took."""
    snapshot: Snapshot | None
    snapshot_at: datetime | None
    given_back: Sequence[GivenBack]
    """GPUs of our runs that have ended since."""
    limits: Limits
    uses: Mapping[Account, Use]
    """Sizes of results are a minute old."""
    limited: Mapping[str, LimitedJob]
    """The queued jobs as limits see them; empty where there are no limits."""
    others: Sequence[str] = ()
    """Clusters whose waiting jobs compete with these for limits."""


def read_queue(session: Session, cluster: str, now: datetime, sizes: ResultSizes | None = None) -> Readings:
    """A dozen narrow statements, the same number however many jobs there are; `sizes` are those of earlier looks."""
    snapshot_at = snapshot_time(session, cluster)
    rows, limits = queue_rows(session, cluster), load_limits(session)
    queued = [row.job.id for row in rows.waiting if row.status is JobStatus.QUEUED] if limits.all else []
    limited = limited_jobs(session, queued) if queued else []
    return Readings(
        cluster,
        now,
        rows,
        waiting_rows(session, cluster, (JobStatus.HELD,)),
        unmet_dependencies(session, cluster),
        run_parts(session, cluster),
        snapshot_of(session, cluster) if snapshot_at is not None else None,
        snapshot_at,
        gpus_given_back(session, cluster, snapshot_at) if snapshot_at is not None else (),
        limits,
        _uses(session, limits, limited, now, sizes or ResultSizes()) if limits.all else {},
        {job.id: job for job in limited},
        clusters_that_share(session, cluster, limits),
    )


def exceeded_hours(jobs: Iterable[LimitedJob], limits: Limits, used: Mapping[Account, Use]) -> list[Bound]:
    """The limits of hours in 30 days at which some of these jobs wait."""
    if LimitKind.GPU_HOURS not in limits.kinds():
        return []
    found: dict[Account, Bound] = {}
    for job in jobs:
        for bound in limits.of(job.place):
            in_use = used.get(bound.account, NO_USE).amount
            if bound.limit.kind is LimitKind.GPU_HOURS and is_exceeded(bound, in_use, job):
                found[bound.account] = bound
    return list(found.values())


def with_leaves(used: Mapping[Account, Use], leaves: Mapping[Account, Leaves]) -> dict[Account, Use]:
    """The use, with the times at which parts of it cease to count."""
    known = {account: replace(used.get(account, NO_USE), leaves=its) for account, its in leaves.items()}
    return {**used, **known}


def _uses(
    session: Session, limits: Limits, jobs: Sequence[LimitedJob], now: datetime, sizes: ResultSizes
) -> Mapping[Account, Use]:
    results = sizes.tallies(session, now) if LimitKind.RESULT_BYTES in limits.kinds() else ()
    used = start_uses(session, limits, now, results)
    leaves = leaving_hours(session, limits, exceeded_hours(jobs, limits, used), now)
    return with_leaves(used, leaves)
