"""Main loop of the worker: for each cluster take the lease if it is free, drive it while it lasts, start again.

An error nobody foresaw stays with its cluster: it is logged, noted (tuning.jobs.troubles), and tried again after a
pause.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from tuning.clusters.lease import Lease, LeaseWatch, acquire, ensure_row
from tuning.containment import Contained
from tuning.datasets.storage.store import ContentStore
from tuning.db.database_errors import DATABASE_TROUBLE, complaint
from tuning.db.engine import transaction
from tuning.db.notify import News, open_news
from tuning.errors import ClusterError, LeaseLost, NotListening, Unreachable
from tuning.jobs.troubles import Step
from tuning.secrets.cipher import Cipher
from tuning.settings import ClusterSettings, Settings
from tuning.slurm.cluster import Cluster
from tuning.ssh.budget import Allowance, Traffic
from tuning.ssh.paramiko_login import is_listening
from tuning.ssh.transport import Transport
from tuning.usage.weights import weights_of
from worker.backoff import delay_seconds
from worker.breaker import Breaker
from worker.cycle import Cycle
from worker.driver import Driver
from worker.heartbeat import kept
from worker.notify.sender import keep_sending
from worker.staging.upload import keep_staging
from worker.step_guard import StepGuard
from worker.upkeep.reachability import note_unreachable

log = logging.getLogger(__name__)

URGENT_SECONDS = 0.1
"""The longest time that the worker listens at once, between two cycles, for a write to the database."""
PROBE_SECONDS = 3.0
"""How often a port that took no connection is tried during a pause: no login, and nothing where nobody listens."""
STOP_SECONDS = 3.0
"""How long a command may still take when the worker is to stop; then its connection is cut."""
LOOKS_PER_LEASE = 6
"""How often the lease of another worker is looked at while it lasts."""

OpenTransport = Callable[[ClusterSettings, Traffic], Transport]


def now_utc() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Worker:
    """Drives every cluster of the settings whose lease it gets."""

    def __init__(
        self,
        settings: Settings,
        clusters: Mapping[str, ClusterSettings],
        sessions: sessionmaker[Session],
        open_transport: OpenTransport,
        owner: str,
    ) -> None:
        self._settings = settings
        self._clusters = clusters
        self._sessions = sessions
        self._open_transport = open_transport
        self._owner = owner
        self._cipher = Cipher(settings.secrets_key)
        self.stop = threading.Event()

    def run(self) -> None:
        """Work until `stop` is set; only what is to end the process (SystemExit) is raised here."""
        with ThreadPoolExecutor(len(self._clusters) + 1, thread_name_prefix="drive") as pool:
            futures = [pool.submit(self._keep_running, cluster) for cluster in self._clusters.values()]
            sending = (self._settings, self._sessions, self._cipher, now_utc, self.stop)
            futures.append(pool.submit(keep_sending, *sending))
            wait(futures, return_when=FIRST_EXCEPTION)
            self.stop.set()
        _raise_first(futures)

    def _keep_running(self, settings: ClusterSettings) -> None:
        failures, watch = 0, LeaseWatch(settings.name, self._settings.lease_seconds)
        while not self.stop.is_set():
            with Contained() as attempt:
                self._drive_if_free(settings, watch)
            failures = failures + 1 if attempt.error is not None else 0
            if attempt.error is not None:
                where = {"action": "drive_failed", "cluster": settings.name}
                log.error("the cycles of %s failed", settings.name, exc_info=attempt.error, extra=where)
                self.stop.wait(delay_seconds(failures, settings.poll_interval_seconds, 0.5))

    def _drive_if_free(self, settings: ClusterSettings, watch: LeaseWatch) -> None:
        lease = self._acquire(settings.name, watch)
        if lease is None:
            self.stop.wait(self._settings.lease_seconds / LOOKS_PER_LEASE)
        else:
            self._driver(settings, lease)

    def _acquire(self, cluster: str, watch: LeaseWatch) -> Lease | None:
        try:
            with transaction(self._sessions) as session:
                ensure_row(session, cluster)
                seconds = self._settings.lease_seconds
                return acquire(session, cluster, self._owner, now_utc(), seconds, watch.stale(session))
        except DATABASE_TROUBLE as error:
            log.warning("the database does not answer: %s", complaint(error), extra={"cluster": cluster})
            return None

    def _driver(self, settings: ClusterSettings, lease: Lease) -> None:
        log.info("lease of %s taken", settings.name, extra={"action": "lease_taken", "cluster": settings.name})
        allowance = Allowance(settings.commands_per_minute, settings.connections_per_minute)
        traffic = Traffic(allowance, sleep=self._wait_for_allowance)
        breaker = Breaker(settings.poll_interval_seconds)
        with kept(self._sessions, lease, self._settings.lease_seconds, settings.poll_interval_seconds) as lost:
            transport = self._open_transport(settings, traffic)
            cluster = Cluster(settings, transport)
            weights = weights_of(self._settings)
            driver = Driver(
                settings, self._sessions, cluster, traffic, breaker, lease, now_utc, self._cipher, lost, weights=weights
            )
            store = ContentStore(self._settings.data_dir / "datasets", self._settings.max_upload_bytes)
            with ThreadPoolExecutor(1, thread_name_prefix=f"stage-{settings.name}") as pool:
                stager = pool.submit(keep_staging, driver, store, self.stop)
                try:
                    with self._cut_when_stopped(transport):
                        self._repeat(driver, stager)
                finally:
                    lost.set()
                    transport.close()  # an upload that is on its way ends with it
                    stager.result()
                    transport.close()

    @contextmanager
    def _cut_when_stopped(self, transport: Transport) -> Iterator[None]:
        """Cut the connection soon after the wish to stop: what has no answer is settled by the next worker."""
        done = threading.Event()

        def cut() -> None:
            while not done.is_set():
                if self.stop.wait(URGENT_SECONDS) and not done.wait(STOP_SECONDS):
                    transport.close()

        thread = threading.Thread(target=cut, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _wait_for_allowance(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise Unreachable("the worker stops")

    def _repeat(self, driver: Driver, stager: "Future[None]") -> None:
        with closing(open_news(self._engine())) as news:
            self._repeat_by(driver, stager, news)

    def _repeat_by(self, driver: Driver, stager: "Future[None]", news: News) -> None:
        cycle, breaker = Cycle(driver), driver.breaker
        self._one(cycle.guard.begin, driver, cycle.guard)
        while not self._is_over(driver) and not stager.done():
            if self._one(cycle.run, driver, cycle.guard):
                breaker.succeeded()
            until = time.monotonic() + driver.settings.poll_interval_seconds - cycle.seconds
            while not breaker.is_open and not self._is_over(driver) and (left := until - time.monotonic()) > 0:
                self._one(partial(self._listen, news, cycle, min(left, URGENT_SECONDS)), driver, cycle.guard)
            self._pause(driver)

    def _pause(self, driver: Driver) -> None:
        """Until the breaker's pause is over, or the login node takes connections again where it took none."""
        looked_at = time.monotonic()
        while driver.breaker.pause_seconds() > 0 and not self._is_over(driver):
            self.stop.wait(URGENT_SECONDS)
            if driver.breaker.awaits_listener and time.monotonic() - looked_at > PROBE_SECONDS:
                if is_listening(driver.settings, PROBE_SECONDS):
                    driver.breaker.end_pause()
                looked_at = time.monotonic()

    def _listen(self, news: News, cycle: Cycle, seconds: float) -> None:
        told: list[bool] = []
        if not cycle.guard.run(Step.NEWS, lambda: told.append(news.wait(seconds))):
            self.stop.wait(seconds)
        if any(told) or cycle.is_urgent_due():
            cycle.run_urgent()

    def _is_over(self, driver: Driver) -> bool:
        """Whether the worker is to stop, or somebody else has the cluster."""
        return self.stop.is_set() or driver.lost.is_set()

    def _engine(self) -> Engine:
        with self._sessions() as session:
            bind = session.get_bind()
        return bind if isinstance(bind, Engine) else bind.engine

    def _one(self, step: Callable[[], None], driver: Driver, guard: StepGuard) -> bool:
        """One cycle, or its urgent part: whether it went well. What did not opens the breaker."""
        with Contained() as attempt:
            step()
            guard.succeeded(Step.CYCLE)
        if attempt.error is None:
            return True
        if not isinstance(attempt.error, LeaseLost):
            driver.breaker.failed(awaits_listener=_is_not_listening(attempt.error))
        with Contained() as noting:
            _note(driver, guard, attempt.error)
        if noting.error is not None:
            _say(driver, noting.error)
        return False


def _note(driver: Driver, guard: StepGuard, error: BaseException) -> None:
    _say(driver, error)
    if isinstance(error, ClusterError):
        _log_in_anew(driver)
        note_unreachable(driver, str(error))
    elif not isinstance(error, (LeaseLost, *DATABASE_TROUBLE)):
        guard.failed(Step.CYCLE, error)


def _say(driver: Driver, error: BaseException) -> None:
    where = {"action": "cycle_failed", "cluster": driver.settings.name}
    if isinstance(error, LeaseLost):
        _note_lost(driver, error)
    elif isinstance(error, ClusterError):
        log.warning("%s", error, extra=where)
    elif isinstance(error, DATABASE_TROUBLE):
        log.warning("the database does not answer: %s", complaint(error), extra=where)
    else:
        log.error("a cycle of %s failed", driver.settings.name, exc_info=error, extra=where)


def _is_not_listening(error: BaseException) -> bool:
    return any(isinstance(cause, NotListening) for cause in (error, error.__cause__))


def _log_in_anew(driver: Driver) -> None:
    """End the login at every third failure in a row: a new one may mend groups, limits, PATH."""
    if driver.breaker.failures % 3 == 2:
        driver.cluster.log_in_anew()


def _note_lost(driver: Driver, error: LeaseLost) -> None:
    log.warning(str(error), extra={"action": "lease_lost", "cluster": driver.settings.name})
    driver.lost.set()


def _raise_first(futures: list[Future[None]]) -> None:
    for future in futures:
        future.result()
