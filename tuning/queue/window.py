"""The window: which waiting jobs a cluster is given, and which that fell far behind are taken back from it. Pure.

Slurm starts what it has in its own order, that of handing over mostly. So it has only as much as keeps the GPUs of a
partition busy: the first jobs of the order, as many as the window is long, and as many as fill the GPUs that are free
or come free soon. Whatever backfill would start now is given to it however far behind it stands: with free GPUs nothing
is held back, but for scavengers while an urgent job waits for GPUs; nor is what needs none.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tuning.queue.backfill import startable
from tuning.queue.waiting_job import JobClass, RunningJob, WaitingJob

WIDEST_JOBS = 10_000
"""Where nothing is to be ordered, or nothing is known of the cluster's GPUs."""


@dataclass(frozen=True, slots=True)
class Pool:
    """GPUs of a partition."""

    free_gpus: int
    soon_free_gpus: int
    """Of runs that end before the cycle after the next."""
    running: Sequence[RunningJob] = ()
    """Our own."""

    @property
    def gpus(self) -> int:
        """All GPUs that our jobs can have, now or later."""
        return self.free_gpus + sum(job.gpus for job in self.running)


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
    candidates = _without_scavengers(ordered, in_slurm, pool)
    length = _length(candidates, pool, length_jobs)
    inside = {job.id for job in candidates[:length]}
    if pool.gpus:
        starting = startable(candidates, pool.running, pool.free_gpus, now, largest_pass_first=True)
        inside |= {job.id for job in starting} | {job.id for job in candidates if not job.gpus}
    behind = [job for job in ordered[2 * length :] if job.id in in_slurm and job.id not in inside]
    handed_over = [job for job in candidates if job.id in inside and job.id not in in_slurm]
    return Window(handed_over, behind[::-1])


def is_all_alike(jobs: Sequence[WaitingJob]) -> bool:
    """Whether there is nobody to be fair to: the jobs differ by their age alone."""
    return len({(job.person, job.job_class, job.priority) for job in jobs}) <= 1


def _without_scavengers(ordered: Sequence[WaitingJob], in_slurm: Collection[str], pool: Pool) -> Sequence[WaitingJob]:
    """Scavengers that Slurm has not would take the GPUs that others have just left to an urgent job."""
    urgent = [job for job in ordered if job.job_class is JobClass.URGENT and job.gpus <= pool.gpus]
    if sum(job.gpus for job in urgent) <= pool.free_gpus:
        return ordered
    return [job for job in ordered if job.job_class is not JobClass.SCAVENGER or job.id in in_slurm]


def _length(ordered: Sequence[WaitingJob], pool: Pool, length_jobs: int) -> int:
    """The number of first jobs that is long enough, and fills the GPUs."""
    wanted, length = pool.free_gpus + pool.soon_free_gpus, 0
    for length, job in enumerate(ordered, 1):
        wanted -= job.gpus
        if length >= length_jobs and wanted <= 0:
            break
    return max(length, length_jobs)
