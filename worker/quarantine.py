"""Quarantine of poison jobs: an error at one of many stays with that one, which is tried again later.

What is done for many at once, in one transaction, is done for halves of them after an error, until what fails stands
alone. Its failure is a row (tuning.jobs.troubles), so that a worker that starts anew goes on waiting.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Generic, TypeVar

from tuning.containment import Contained
from tuning.db.database_errors import DATABASE_TROUBLE
from tuning.errors import ClusterError, LeaseLost
from tuning.jobs.troubles import (
    LONGEST_PAUSE,
    OF_THE_CLUSTER,
    Step,
    Subject,
    ended_subjects,
    forget,
    is_held,
    known,
    note_failure,
)
from worker.driver import Driver

log = logging.getLogger(__name__)

FORESEEN = (LeaseLost, ClusterError, *DATABASE_TROUBLE)
"""They concern the whole cluster, and the main loop knows what to do."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Quarantine(Generic[Item]):
    """One step of one cycle."""

    def __init__(
        self,
        driver: Driver,
        step: Step,
        subject: Callable[[Item], Subject],
        *,
        own: tuple[type[ClusterError], ...] = (),
    ) -> None:
        """`own` are errors of the cluster's that here are an item's own fault."""
        self._driver = driver
        self._step = step
        self._subject = subject
        self._own = own
        self._failed: set[str] = set()

    def due(self, items: Iterable[Item]) -> list[Item]:
        """The items that do not wait for their next try."""
        now = self._driver.now()
        return [item for item in items if not self._is_held(item, now)]

    @property
    def held(self) -> frozenset[str]:
        """The ids of those that wait for their next try."""
        now = self._driver.now()
        return frozenset(subject for subject, next_try in self._next_tries.items() if is_held(next_try, now))

    def forget_all_but(self, items: Iterable[Item]) -> None:
        """These are all that the step is for: nothing is left to do for others."""
        self._forget(self._next_tries.keys() - {self._subject(item).id for item in items})

    def each(self, items: Iterable[Item], act: Callable[[Item], Result]) -> list[tuple[Item, Result]]:
        """The items with their results of `act`, without the items at which it fails."""
        results = []
        for item in self._sound(items):
            with self._contained() as attempt:
                results.append((item, act(item)))
            if attempt.error is not None:
                self.failed(item, attempt.error)
        return results

    def gather(self, items: Sequence[Item], compute: Callable[[Sequence[Item]], Result]) -> Result:
        """The result of `compute`, which changes nothing, on all items but those at which it fails."""
        with self._contained():
            return compute(self._sound(items))
        sound = [item for item, _ in self.each(items, lambda item: compute([item]))]
        return compute(sound)

    def together(self, items: Sequence[Item], act: Callable[[Sequence[Item]], None]) -> list[Item]:
        """Act on all of them; where that fails, on halves. `act` changes nothing where it raises.

        Returns those at which it did not fail; whether that is the whole step, the caller says (`succeeded`).
        """
        if not items:
            return []
        with self._contained() as attempt:
            act(items)
        if attempt.error is None:
            return list(items)
        if len(items) == 1:
            self.failed(items[0], attempt.error)
            return []
        middle = len(items) // 2
        return [*self.together(items[:middle], act), *self.together(items[middle:], act)]

    def succeeded(self, items: Iterable[Item]) -> None:
        """The step is done for these."""
        if self._next_tries:
            self._forget(self._next_tries.keys() & {self._subject(item).id for item in items})

    def failed(self, item: Item, error: BaseException) -> None:
        """Write down that the step failed at one. Nothing is raised but what concerns the whole cluster."""
        subject = self._subject(item)
        where = {"action": "quarantined", "step": self._step, "subject": subject.id}
        log.error("%s failed at %s", self._step, subject.id, exc_info=error, extra=where)
        now = self._driver.now()
        self._failed.add(subject.id)
        self._next_tries[subject.id] = now + LONGEST_PAUSE  # as far as this cycle goes, should it not be noted
        with Contained(*FORESEEN) as noting, self._driver.apply() as session:
            next_try = note_failure(session, self._driver.settings.name, self._step, subject, error, now)
            self._next_tries[subject.id] = next_try or now + LONGEST_PAUSE
        if noting.error is not None:
            log.error("that failure cannot be noted", exc_info=noting.error, extra=where)

    def _contained(self) -> Contained:
        return Contained(*FORESEEN, but_not=self._own)

    def _sound(self, items: Iterable[Item]) -> list[Item]:
        """But for those that have failed in this cycle already."""
        return [item for item in items if not self._failed or self._subject(item).id not in self._failed]

    def _is_held(self, item: Item, now: datetime) -> bool:
        if not self._next_tries:
            return False
        next_try = self._next_tries.get(self._subject(item).id)
        return next_try is not None and is_held(next_try, now)

    @cached_property
    def _next_tries(self) -> dict[str, datetime]:
        """By subject, as it was noted when this was first asked for."""
        with self._driver.load() as session:
            found = known(session, self._driver.settings.name, self._step)
        return {subject: next_try for subject, next_try in found.items() if subject != OF_THE_CLUSTER}

    def _forget(self, subjects: Collection[str]) -> None:
        if not subjects:
            return
        with self._driver.apply() as session:
            forget(session, self._driver.settings.name, self._step, subjects)
        for subject in subjects:
            self._next_tries.pop(subject, None)


def release_ended(driver: Driver) -> None:
    """Jobs that have ended are in nobody's way any more."""
    name = driver.settings.name
    with driver.load() as session:
        ended = ended_subjects(session, name)
    if not ended:
        return
    with driver.apply() as session:
        for step, subject in ended:
            forget(session, name, step, [subject])
