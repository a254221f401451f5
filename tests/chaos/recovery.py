"""Waiting for every job of a trial to come to its end, and noticing those that do not."""

import time
from collections.abc import Sequence

from tests.chaos.house import POLL_SECONDS, SETTLE_SECONDS, House
from tests.chaos.orders import Receipt
from tests.chaos.witness import JobRow
from tests.e2e.site import ENDED

RECOVERY_SECONDS = 300.0
SUBMITTING_SECONDS = SETTLE_SECONDS + 2 * POLL_SECONDS + 30.0
"""The settle time, two cycles, and what this machine takes for the commands of them."""


def await_recovery(house: House, prefix: str, receipts: Sequence[Receipt]) -> list[str]:
    """Wait until every accepted job has ended; returns what is wrong with those that are stuck."""
    accepted = {job_id for receipt in receipts for job_id in receipt.job_ids}
    patience = _Patience(house)
    deadline = time.monotonic() + RECOVERY_SECONDS
    while True:
        jobs = house.database.jobs(prefix)
        waiting = [f"{job.id} is {job.status} ({job.reason})" for job in jobs if job.status not in ENDED]
        if not waiting and accepted <= {job.id for job in jobs}:
            return []
        if stuck := patience.exhausted(jobs):
            return [f"stuck in submitting although the cluster answers: {stuck}"]
        if time.monotonic() > deadline:
            return [f"not at its end after {RECOVERY_SECONDS:.0f} s: {waiting or accepted}"]
        time.sleep(0.05)


class _Patience:
    """How long each attempt has been without an answer since the cluster answers again."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._reached_before = house.database.driver().reached_at
        self._well = False
        self._since: dict[tuple[str, int], float] = {}

    def exhausted(self, jobs: Sequence[JobRow]) -> list[str]:
        """The attempts that take too long."""
        self._well = self._well or self._house.database.driver().reached_at != self._reached_before
        now = time.monotonic()
        submitting = {(job.id, job.attempt) for job in jobs if job.status == "submitting"} if self._well else set()
        self._since = {one: self._since.get(one, now) for one in submitting}
        return [f"{one[0]}/{one[1]}" for one, since in self._since.items() if now - since > SUBMITTING_SECONDS]
