"""Guard of a cycle's steps: one that fails as a whole is left out for a while, and the others go on."""

import logging
from collections.abc import Callable
from datetime import datetime

from tuning.containment import Contained
from tuning.jobs.troubles import OF_THE_CLUSTER, THE_WHOLE, Step, forget, forget_whole_steps, is_held, note_failure
from worker.driver import Driver
from worker.quarantine import FORESEEN

log = logging.getLogger(__name__)


class StepGuard:
    """Remembers which steps failed; a worker that starts anew tries each at once. Of one thread."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._next_tries: dict[Step, datetime] = {}

    def begin(self) -> None:
        """Forget what was noted of whole steps before this worker drove the cluster."""
        with self._driver.apply() as session:
            forget_whole_steps(session, self._driver.settings.name)

    def run(self, step: Step, act: Callable[[], object]) -> bool:
        """Act unless the step waits; whether it went well. Raises what concerns the whole cluster."""
        if step in self._next_tries and is_held(self._next_tries[step], self._driver.now()):
            return False
        with Contained(*FORESEEN) as attempt:
            act()
        if attempt.error is not None:
            self.failed(step, attempt.error)
            return False
        self.succeeded(step)
        return True

    def failed(self, step: Step, error: BaseException) -> None:
        """Write down that a step failed as a whole."""
        name = self._driver.settings.name
        where = {"action": "step_failed", "step": step, "cluster": name}
        log.error("%s failed at the cluster %s", step, name, exc_info=error, extra=where)
        with Contained(*FORESEEN) as noting, self._driver.apply() as session:
            now = self._driver.now()
            self._next_tries[step] = note_failure(session, name, step, THE_WHOLE, error, now) or now
        if noting.error is not None:
            log.error("that failure cannot be noted", exc_info=noting.error, extra=where)

    def succeeded(self, step: Step) -> None:
        """Forget the failure of a step that went well; costs nothing where it had not failed."""
        if step not in self._next_tries:
            return
        with self._driver.apply() as session:
            forget(session, self._driver.settings.name, step, [OF_THE_CLUSTER])
        del self._next_tries[step]
