"""GPU time that comes before a job in a pool: of its type, and of jobs that take any type. Pure."""

from tuning.queue.gpus import Gpus, HasGpus


class GpuTime:
    """Seconds of GPUs of runs and waiting jobs, spread evenly over the GPUs that they can have.

    Jobs without a type count on all GPUs alike, and start with the type that comes free first.
    """

    def __init__(self, gpus: Gpus) -> None:
        self._total, self._by_type = gpus
        self._of_any = 0.0
        self._of_type = dict.fromkeys(gpus.by_type, 0.0)

    def add(self, job: HasGpus, seconds: float) -> float:
        """A job or run takes its GPUs for so long, behind all that was added: the time until those have run."""
        wait = self._of_any / self._total
        if self._of_type:
            wait += self._wait_of_type(job.gpu_type)
        if self._of_type and job.gpu_type in self._of_type:
            self._of_type[job.gpu_type] += job.gpus * seconds
        else:
            self._of_any += job.gpus * seconds
        return wait

    def _wait_of_type(self, gpu_type: str | None) -> float:
        of_type, by_type = self._of_type, self._by_type
        if gpu_type in of_type:
            return of_type[gpu_type] / max(by_type[gpu_type], 1)  # a job without GPUs may name any type
        is_all = sum(by_type.values()) >= self._total
        return min(of_type[name] / count for name, count in by_type.items() if count > 0) if is_all else 0.0
