"""GPUs of a partition that our jobs can have: by the cluster's last description, and what of ours runs since. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from tuning.clusters.snapshot import Snapshot, nodes_for
from tuning.jobs.queries.standing import RunningRow
from tuning.queue.waiting_job import RunningJob
from tuning.queue.window import Pool


def pool_of(
    snapshot: Snapshot,
    snapshot_at: datetime | None,
    partition: str,
    running: Iterable[RunningRow],
    now: datetime,
    soon: timedelta,
) -> Pool | None:
    """The GPUs of a partition; None where nothing is known of its nodes.

    What was in use at the time of the description and was not ours is taken to be so still.
    """
    nodes = [node for node in nodes_for(snapshot, partition or None) if node.is_usable]
    if not nodes or snapshot_at is None:
        return None
    own = [row for row in running if row.partition == partition]
    known_by_then = sum(row.gpus for row in own if row.started_at <= snapshot_at.timestamp())
    others = max(sum(node.gpus_in_use for node in nodes) - known_by_then, 0)
    held = sum(row.gpus for row in own)
    return Pool(
        free_gpus=max(sum(node.gpus for node in nodes) - others - held, 0),
        soon_free_gpus=sum(row.gpus for row in own if _ends_by(row, now + soon)),
        running=[RunningJob(row.gpus, row.started_at + row.limit_seconds) for row in own],
    )


def _ends_by(row: RunningRow, at: datetime) -> bool:
    is_expected = row.expected_end_at is not None and row.expected_end_at <= at
    return row.is_ending or is_expected or row.started_at + row.limit_seconds <= at.timestamp()
