"""GPUs of a pool, in all and by type: as many as are free, held or there. Pure.

A job that asks for a type has GPUs of it, any other takes from the total alone. So whatever fits by both counts, there
is a choice of GPUs that lets all of it start; which GPUs jobs without a type get is left to Slurm.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import add
from types import MappingProxyType
from typing import NamedTuple, Protocol, Self

_NONE: Mapping[str, int] = MappingProxyType({})


class HasGpus(Protocol):
    """A job or a run with so many GPUs of a type."""

    @property
    def gpus(self) -> int:
        """On all nodes together."""

    @property
    def gpu_type(self) -> str | None:
        """None = of any type, or of one that is not known."""


class Gpus(NamedTuple):
    """Counts of GPUs. A tuple: each play of a queue makes thousands."""

    total: int
    by_type: Mapping[str, int] = _NONE
    """Empty where types are not told apart: in pools of a single type, or where none is named."""

    def of(self, gpu_type: str | None) -> int:
        """The GPUs that a job which asks for this type can have."""
        if gpu_type is None or not self.by_type:
            return self.total
        return min(self.total, self.by_type.get(gpu_type, 0))

    def less(self, job: HasGpus) -> Self:
        """GPUs that a job leaves: it takes no more than it can have."""
        room = self.of(job.gpu_type)
        return self._with(-(job.gpus if job.gpus <= room else max(room, 0)), job.gpu_type)

    def plus(self, run: HasGpus) -> Self:
        """With those that a run gives back."""
        return self._with(run.gpus, run.gpu_type)

    def less_all(self, jobs: Iterable[HasGpus]) -> Self:
        """GPUs that jobs leave, one after the other."""
        left = self
        for job in jobs:
            left = left.less(job)
        return left

    def plus_all(self, runs: Iterable[HasGpus]) -> Self:
        """With those that runs give back."""
        found = self
        for run in runs:
            found = found.plus(run)
        return found

    def at_least_none(self) -> Self:
        """With a total that is not below 0."""
        return self if self.total >= 0 else type(self)(0, self.by_type)

    def none(self) -> Self:
        """None at all, of the same types."""
        return type(self)(0, dict.fromkeys(self.by_type, 0))

    def minus(self, other: "Gpus") -> Self:
        """These without others; where these are fewer, none."""
        return self._merged(other, lambda own, count: max(own - count, 0))

    def at_most(self, other: "Gpus") -> Self:
        """The smaller count of both."""
        return self._merged(other, min)

    def together(self, other: "Gpus") -> Self:
        """These and others of the same pool."""
        return self._merged(other, add)

    def _merged(self, other: "Gpus", merge: Callable[[int, int], int]) -> Self:
        by_type = {name: merge(count, other.by_type.get(name, 0)) for name, count in self.by_type.items()}
        return type(self)(merge(self.total, other.total), by_type)

    def _with(self, gpus: int, gpu_type: str | None) -> Self:
        """Made as tuples are: a named tuple's own constructor takes twice as long."""
        by_type = self.by_type
        if gpu_type is not None and gpu_type in by_type:
            by_type = {**by_type, gpu_type: by_type[gpu_type] + gpus}
        return tuple.__new__(type(self), (self.total + gpus, by_type))
