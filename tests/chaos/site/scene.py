"""Hands on one trial of a site fault: the house, its cluster as root, a person's requests, the jobs to be judged."""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.house import ROOT, House, until
from tests.chaos.site.desk import WAIT_SECONDS, Desk
from tests.chaos.site.judge import Expected
from tests.chaos.site.stand_in import StandIn

START_SECONDS = 600.0


@dataclass(frozen=True)
class SiteScene:
    """One trial."""

    house: House
    desk: Desk
    stand_in: StandIn
    prefix: str
    rng: random.Random
    expected: list[Expected] = field(default_factory=list)
    """The jobs that were ordered, and what must become of each."""

    def order(
        self,
        *,
        status: str = "succeeded",
        runs: Iterable[int] = (1,),
        may_be_corrected: bool = False,
        **fields: Any,
    ) -> str:
        """Order a job of which this must become."""
        job_id = self.desk.order(f"{self.prefix}{len(self.expected)}", **fields)
        self.expected.append(Expected(job_id, status, frozenset(runs), may_be_corrected))
        return job_id

    def running(self, **more: Any) -> str:
        """The same, once its training has begun and packtrain says so; it runs until it is let go."""
        job_id = self.order(**more)
        self.begun(job_id)
        self.desk.wait_status(job_id, "running")
        return job_id

    def begun(self, job_id: str, times: int = 1) -> None:
        """Wait until the training of a job has begun so often. Raises TimeoutError."""
        until(f"{times}. run of {job_id}", lambda: self.stand_in.has_begun(job_id, times) or None, START_SECONDS)

    def done(self, job_id: str) -> None:
        """Wait until the training of a job has done everything. Raises TimeoutError."""
        until(f"last line of {job_id}", lambda: self.stand_in.is_done(job_id) or None, START_SECONDS)

    @contextmanager
    def stopped_worker(self) -> Iterator[None]:
        """SIGSTOP for as long as the block lasts."""
        worker = self.house.process(self.house.driver())
        self.house.database.freeze_between_writes(worker)
        try:
            yield
        finally:
            worker.thaw()

    def looked_again(self, times: int = 3) -> None:
        """Wait until packtrain has looked at everything so often. Raises TimeoutError."""
        seen = {self.house.database.driver().reached_at}

        def look() -> bool | None:
            seen.add(self.house.database.driver().reached_at)
            return len(seen) > times or None

        until(f"{times} looks", look, WAIT_SECONDS)

    def slurm_id(self, job_id: str) -> int:
        """Slurm's number of a job, once packtrain knows it."""
        return int(until(f"Slurm job of {job_id}", lambda: self.desk.job(job_id)["slurm_job_id"], WAIT_SECONDS))

    def folder(self, job_id: str) -> str:
        """A job's folder on the cluster."""
        return f"{ROOT}/jobs/{job_id}"

    def shell(self, script: str) -> str:
        """Run a script on the cluster as root, past Slurm and SSH."""
        return self.house.lab.run("bash", "-c", script)

    def until_shell(self, what: str, script: str) -> None:
        """Wait until a script succeeds on the cluster. Raises TimeoutError."""
        until(what, lambda: self.shell(f"if {{ {script}; }} >/dev/null 2>&1; then echo yes; fi") or None, WAIT_SECONDS)

    @contextmanager
    def struck(self, strike: str, undo: str) -> Iterator[None]:
        """A fault of the cluster for as long as the block lasts, by two scripts."""
        self.shell(strike)
        try:
            yield
        finally:
            self.shell(undo)

    def until_unreachable(self) -> None:
        """Wait until packtrain says that it cannot reach the cluster, or not work with it."""
        until("word of trouble", lambda: self.desk.cluster()["unreachable_since"], WAIT_SECONDS)

    def until_trouble(self, job_id: str) -> None:
        """The same, or that this job waits for the site, or that its submission had no answer."""

        def look() -> bool | None:
            waits = (self.desk.job(job_id)["status_reason"] or "").startswith("waiting")
            has_no_answer = "warning" in self.house.database.events(job_id)
            return waits or has_no_answer or self.desk.cluster()["unreachable_since"] is not None or None

        until("word of trouble", look, WAIT_SECONDS)

    def lives(self, *job_ids: str) -> None:
        """Nothing has ended, nor begun again, that runs."""
        for job_id in job_ids:
            status = self.desk.job(job_id)["status"]
            if status != "running":
                raise WronglyEndedError(f"{job_id} runs, and is said to be {status}")


class WronglyEndedError(AssertionError):
    """A status was wrong while a fault lasted."""
