"""Use of a cluster's GPUs by pool: those of our runs, those of others, and the free ones. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tuning.clusters.gpu_pools import GpuPool, gpu_pools
from tuning.clusters.snapshot import Snapshot
from tuning.jobs.queries.queue.standing import RunningRow


@dataclass(frozen=True)
class GpuUse:
    """GPUs for which the jobs of some partitions compete, and their use now."""

    partitions: frozenset[str]
    """As jobs ask for them."""
    gpus: int
    others_gpus: int
    """What was in use when the cluster described itself, and was not ours, is taken to be so still."""
    runs: Sequence[RunningRow]
    """Our own."""

    @property
    def free_gpus(self) -> int:
        """GPUs that nobody uses."""
        return max(self.gpus - self.others_gpus - sum(row.gpus for row in self.runs), 0)


def gpu_uses(
    snapshot: Snapshot,
    snapshot_at: datetime,
    running: Sequence[RunningRow],
    given_back: Mapping[str, int],
    waiting: Iterable[str],
) -> list[GpuUse]:
    """The use of each pool that jobs ask for; none of a pool without usable nodes.

    `given_back`: GPUs of our runs that ended since `snapshot_at`, by partition; `waiting`: partitions of more jobs.
    """
    asked = {*waiting, *given_back, *(row.partition for row in running)}
    return [_use(pool, snapshot_at, running, given_back) for pool in gpu_pools(snapshot, asked)]


def _use(pool: GpuPool, snapshot_at: datetime, running: Sequence[RunningRow], given_back: Mapping[str, int]) -> GpuUse:
    own = [row for row in running if row.partition in pool.partitions]
    held = sum(row.gpus for row in own)
    known_by_then = sum(row.gpus for row in own if row.started_at <= snapshot_at.timestamp())
    ended = sum(gpus for partition, gpus in given_back.items() if partition in pool.partitions)
    others = max(pool.gpus_in_use - known_by_then - ended, 0)
    return GpuUse(pool.partitions, pool.gpus, min(others, max(pool.gpus - held, 0)), own)
