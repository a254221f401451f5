"""Line of waiting jobs: the place of each in the order of the queue, and that of a job that was not there yet."""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Mapping, Sequence

from tuning.queue.order import SortKey, Standing, Weights, ordered, sort_keys
from tuning.queue.waiting_job import JobClass, Person, WaitingJob

_Key = tuple[JobClass, SortKey]


class Line:
    """Waiting jobs of a cluster of so many GPUs, as they stand at a moment; places count from 1."""

    def __init__(
        self,
        waiting: Sequence[WaitingJob],
        standings: Mapping[Person, Standing],
        gpus: int,
        now: float,
        weights: Weights,
    ) -> None:
        self.jobs = ordered(waiting, standings, gpus, now, weights)
        self._standings, self._now, self._weights = standings, now, weights
        self._places = {job.id: place for place, job in enumerate(self.jobs, start=1)}
        self._own: dict[Person, list[WaitingJob]] = defaultdict(list)
        self._keys: list[_Key] = []
        self._key_by_id: dict[str, SortKey] = {}

    def place(self, job_id: str) -> int | None:
        """The place of a job; None where it is not in the line."""
        return self._places.get(job_id)

    def place_of_another(self, job: WaitingJob) -> int:
        """The place that a job would have; its person's jobs of lower priority give way to it.

        It costs far less than to order all anew, and is nearly the same: that the job changes the mean wait of its
        person's others, and who is overdue, is left out.
        """
        self._index()
        key = self._key_of(job)
        lesser = (
            other
            for other in self._own[job.person]
            if other.priority < job.priority and other.job_class == job.job_class
        )
        given_way = sum(self._key_by_id[other.id] < key[1] for other in lesser)
        return bisect_right(self._keys, key) + 1 - given_way

    def add(self, job: WaitingJob) -> int:
        """The place of a job that came just now; it counts for those that come after it."""
        place = self._places.get(job.id)
        if place is None:
            place = self._places[job.id] = self.place_of_another(job)
            key = self._key_of(job)
            insort(self._keys, key)
            self._key_by_id[job.id] = key[1]
            self._own[job.person].append(job)
        return place

    def _index(self) -> None:
        if self._keys or not self.jobs:
            return
        keys = sort_keys(self.jobs, self._standings, self._now, self._weights)
        self._key_by_id = dict(keys)
        self._keys = sorted((job.job_class, keys[job.id]) for job in self.jobs)
        for job in self.jobs:
            self._own[job.person].append(job)

    def _key_of(self, job: WaitingJob) -> _Key:
        its = [*self._own[job.person], job]
        return job.job_class, sort_keys(its, self._standings, self._now, self._weights)[job.id]
