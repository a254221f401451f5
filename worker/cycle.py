"""One cycle of a cluster, step by step; docs/decisions/0001-shape.md says what each costs."""

import time
from collections.abc import Callable

from tuning.jobs.troubles import Step
from worker.driver import Driver
from worker.observe.stall import StallWatch
from worker.observe.watch import watch
from worker.quarantine import release_ended
from worker.serving.idle import IdleWatch
from worker.step_guard import StepGuard
from worker.submit.batch import Submitter
from worker.submit.cluster_cache import KnownCluster
from worker.submit.dependencies import end_dead_ends
from worker.submit.recover import settle_unconfirmed
from worker.submit.taken_back import take_back
from worker.upkeep.cancel import Canceller
from worker.upkeep.preemption import make_room
from worker.upkeep.reachability import note_reached
from worker.upkeep.removal import remove_unwanted
from worker.upkeep.snapshot import SnapshotKeeper
from worker.upkeep.trials import Trials

QUIET_SECONDS = 0.5
"""Between two cycles the database (never the cluster) is asked whether somebody submitted or cancelled: at once when
somebody wrote there, and this often where no word of a write comes. An idle worker costs next to nothing."""


class Cycle:
    """The steps in their order, and what must be remembered from one cycle to the next."""

    def __init__(self, driver: Driver, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._driver = driver
        self._monotonic = monotonic
        self._snapshot = SnapshotKeeper(driver)
        self._known = KnownCluster(driver.settings)
        self._submitter = Submitter(driver, self._known)
        self._canceller = Canceller(driver)
        self._trials = Trials(driver)
        self._stalls = StallWatch(driver)
        self._idle = IdleWatch(driver)
        self.guard = StepGuard(driver)
        self._visible: frozenset[str] = frozenset()
        self.seconds = 0.0
        self._looked_at = self._monotonic()

    def run(self) -> None:
        """Run all steps once; errors stay with a step. Raises ClusterError, LeaseLost, the database's trouble."""
        started = self._monotonic()
        self._driver.check()
        run = self.guard.run
        release_ended(self._driver)
        run(Step.SNAPSHOT, self._snapshot.refresh_if_old)
        self._known.forget()
        run(Step.SETTLE, lambda: settle_unconfirmed(self._driver))
        run(Step.DEAD_ENDS, lambda: end_dead_ends(self._driver))
        run(Step.SUBMIT, self._submitter.submit_waiting)
        run(Step.TAKE_BACK, lambda: take_back(self._driver, self._submitter.fallen_behind))
        run(Step.WATCH, self._watch)
        self._known.forget()
        run(Step.STALL, lambda: self._stalls.tell(self._visible))
        run(Step.MAKE_ROOM, lambda: make_room(self._driver, self._known))
        run(Step.SERVE_IDLE, self._idle.end_idle)
        run(Step.CANCEL, self._canceller.cancel_wanted)
        run(Step.REMOVE, lambda: remove_unwanted(self._driver))
        run(Step.TRY_OUT, self._trials.answer_waiting)
        self._looked_at = self._monotonic()
        self.seconds = self._looked_at - started
        note_reached(self._driver, self.seconds)

    def _watch(self) -> None:
        self._visible = frozenset()
        self._visible = watch(self._driver)

    def is_urgent_due(self) -> bool:
        """True when the urgent part has not run for a while, though no word of a write came."""
        return self._monotonic() - self._looked_at >= QUIET_SECONDS

    def run_urgent(self) -> None:
        """Run the steps that people wait for, between cycles: new jobs, cancellations, questions about jobs to come."""
        self._driver.check()
        self.guard.run(Step.SUBMIT, self._submitter.submit_waiting)
        self.guard.run(Step.CANCEL, self._canceller.cancel_new)
        self.guard.run(Step.TRY_OUT, self._trials.answer_waiting)
        self._looked_at = self._monotonic()
