"""packtrain as one of the queues: what its users do, over HTTP."""

import time
from collections.abc import Callable

from tests.bench.peers.orders import Poll
from tests.bench.site_database import SMALL, SiteDatabase
from tests.e2e.site import SHORT_RUN, Site

TICK_SECONDS = 0.02


class Packtrain:
    """A Queue (orders.py): POST /jobs, and GET /jobs for the states."""

    def __init__(self, site: Site, database: SiteDatabase, at_cycle_end: Callable[[], None]) -> None:
        """`at_cycle_end` is called at the end of a cycle of the worker's: from there the looks of `poll` count."""
        self._client = site.client()
        self._database = database
        self._at_cycle_end = at_cycle_end
        self._count = 0

    def submit(self, count: int) -> float:
        """From the first POST to the commit of the last Slurm number."""
        began = time.monotonic()
        job_ids = [self._client.submit(config=SHORT_RUN, resources=SMALL)["id"] for _ in range(count)]
        while not self._database.all_have_ids(job_ids):
            time.sleep(TICK_SECONDS)
        self._count = count
        return time.monotonic() - began

    def poll(self, times: int) -> Poll:
        """One page of jobs each; its worker looks at the cluster at its own pace, so many cycles."""
        first = self._next_cycle()
        self._at_cycle_end()
        seconds = [self._read() for _ in range(times)]
        for _ in range(times):
            last = self._next_cycle()
        return Poll(seconds, times, (last - first) / times)

    def forget(self) -> None:
        """It sees the end of jobs that are cancelled."""

    def _read(self) -> float:
        began = time.monotonic()
        self._client.jobs(limit=self._count)
        return time.monotonic() - began

    def _next_cycle(self) -> float:
        """Wait for the worker's next cycle; returns when it ended, as a time stamp."""
        before = self._database.last_cycle().ended_at
        while (end := self._database.last_cycle().ended_at) == before:
            time.sleep(TICK_SECONDS)
        return end.timestamp()
