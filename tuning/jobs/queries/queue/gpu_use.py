"""Use of a cluster's GPUs by pool: those of our runs, those of others, and the free ones, by type too. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tuning.clusters.gpu_pools import GpuPool, gpu_pools
from tuning.clusters.snapshot import Snapshot
from tuning.jobs.queries.queue.standing import RunningRow
from tuning.jobs.queries.run_parts import GivenBack
from tuning.queue.gpus import Gpus


@dataclass(frozen=True)
class GpuUse:
    """GPUs for which jobs of some partitions compete, and their use now."""

    partitions: frozenset[str]
    """As jobs ask for them."""
    gpus: Gpus
    others: Gpus
    """What was in use when the cluster described itself, and was not ours, is taken to be so still."""
    free: Gpus
    """GPUs that nobody uses."""
    runs: Sequence[RunningRow]
    """Our own; where types are told apart each with that of its GPUs, as far as it is known."""


def gpu_uses(
    snapshot: Snapshot,
    snapshot_at: datetime,
    running: Sequence[RunningRow],
    given_back: Sequence[GivenBack],
    waiting: Iterable[str],
) -> list[GpuUse]:
    """The use of each pool that jobs ask for; none of a pool without usable nodes.

    `given_back`: GPUs of our runs that ended since `snapshot_at`; `waiting`: partitions of more jobs.
    """
    asked = {*waiting, *(each.partition for each in given_back), *(row.partition for row in running)}
    return [_use(pool, snapshot_at, running, given_back) for pool in gpu_pools(snapshot, asked)]


def _use(
    pool: GpuPool, snapshot_at: datetime, running: Iterable[RunningRow], given_back: Iterable[GivenBack]
) -> GpuUse:
    own = [_typed(row, pool) for row in running if row.partition in pool.partitions]
    ended = (each for each in given_back if each.partition in pool.partitions)
    gpus = Gpus(pool.gpus, pool.types)
    held = gpus.none().plus_all(own)
    ours_then = gpus.none().plus_all(row for row in own if row.started_at <= snapshot_at.timestamp())
    ours_then = ours_then.plus_all(each._replace(gpu_type=pool.type_of(each.gpu_type, each.nodes)) for each in ended)
    others = Gpus(pool.gpus_in_use, pool.types_in_use).minus(ours_then).at_most(gpus.minus(held))
    return GpuUse(pool.partitions, gpus, others, gpus.minus(others).minus(held), own)


def _typed(row: RunningRow, pool: GpuPool) -> RunningRow:
    if not pool.types:
        return row
    return replace(row, gpu_type=pool.type_of(row.gpu_type, row.nodes))
