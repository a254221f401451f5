"""The window: which waiting jobs a cluster is given, and which that fell far behind are taken back from it. Pure.

Slurm starts what it has in its own order, that of handing over mostly. So it has only as much as keeps the GPUs of a
partition busy: the first jobs of the order, as many as the window is long, and as many as fill the GPUs, of each type,
that are free or come free soon. Whatever backfill would start now is given to it however far behind it stands: with
free GPUs nothing is held back, but for scavengers while an urgent job waits for GPUs; nor is what needs none.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tuning.queue.backfill import in_turn, startable
from tuning.queue.gpus import Gpus
from tuning.queue.waiting_job import JobClass, RunningJob, WaitingJob

WIDEST_JOBS = 10_000
"""Where nothing is to be ordered, or nothing is known of the cluster's GPUs."""


@dataclass(frozen=True, slots=True)
class Pool:
    """GPUs of a partition."""

    free: Gpus
    soon_free: Gpus
    """Of runs that end before the cycle after the next."""
    running: Sequence[RunningJob] = ()
    """Our own."""

    @property
    def gpus(self) -> Gpus:
        """All GPUs that our jobs can have, now or later."""
        return self.free.plus_all(self.running)


@dataclass(frozen=True, slots=True)
class Window:
    """Jobs to hand over now, in their order, and jobs to take back, the last of the order first."""

    handed_over: Sequence[WaitingJob] = ()
    taken_back: Sequence[WaitingJob] = ()


def window(
    ordered: Sequence[WaitingJob], in_slurm: Collection[str], pool: Pool | None, length_jobs: int, now: float
) -> Window:
    """The changes to what Slurm has of a partition's waiting jobs; `pool` is None where its GPUs are not known."""
    if pool is None or is_all_alike(ordered):
        return Window([job for job in ordered[:WIDEST_JOBS] if job.id not in in_slurm])
    gpus = pool.gpus
    candidates = _without_scavengers(ordered, in_slurm, pool.free, gpus)
    filling = _filling(candidates, pool, length_jobs)
    length = max(len(filling), length_jobs)
    inside = {job.id for job in filling}
    if gpus.total:
        starting = startable(candidates, pool.running, pool.free, now, largest_pass_first=True)
        inside |= {job.id for job in starting} | {job.id for job in candidates if not job.gpus}
    behind = [job for job in ordered[2 * length :] if job.id in in_slurm and job.id not in inside]
    handed_over = [job for job in candidates if job.id in inside and job.id not in in_slurm]
    return Window(handed_over, behind[::-1])


def is_all_alike(jobs: Sequence[WaitingJob]) -> bool:
    """Whether there is nobody to be fair to: the jobs differ by their age alone."""
    return len({(job.person, job.job_class, job.priority) for job in jobs}) <= 1


def _without_scavengers(
    ordered: Sequence[WaitingJob], in_slurm: Collection[str], free: Gpus, gpus: Gpus
) -> Sequence[WaitingJob]:
    """Scavengers that Slurm has not would take the GPUs that others have just left to an urgent job."""
    urgent = [job for job in ordered if job.job_class is JobClass.URGENT and job.gpus <= gpus.of(job.gpu_type)]
    wanted = {job.gpu_type for job in urgent[len(in_turn(urgent, free)) :]}
    if not wanted:
        return ordered
    return [
        job
        for job in ordered
        if job.job_class is not JobClass.SCAVENGER or job.id in in_slurm or not _competes(job.gpu_type, wanted, gpus)
    ]


def _competes(gpu_type: str | None, wanted: Collection[str | None], gpus: Gpus) -> bool:
    """Whether a job of this type may take GPUs of which others wait for these types."""
    return not gpus.by_type or gpu_type is None or None in wanted or gpu_type in wanted


def _filling(ordered: Sequence[WaitingJob], pool: Pool, length_jobs: int) -> list[WaitingJob]:
    """The first jobs, as many as the window is long, and those that fill the GPUs."""
    left = pool.free.together(pool.soon_free)
    found: list[WaitingJob] = []
    for job in ordered:
        if len(found) >= length_jobs:
            if left.total <= 0:
                break
            if left.of(job.gpu_type) <= 0:
                continue
        found.append(job)
        left = left.less(job)
    return found
