"""Driver of a cluster: rows, cluster, clock, and the lease that allows writing; each step of a cycle has it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from tuning.clusters.lease import Lease, prove
from tuning.db.engine import lock_event_order, transaction
from tuning.errors import LeaseLost
from tuning.queue.order import Weights
from tuning.secrets.cipher import Cipher
from tuning.settings import ClusterSettings
from tuning.slurm.cluster import Cluster
from tuning.ssh.budget import Traffic
from worker.ages import Ages
from worker.breaker import Breaker
from worker.expected_checkpoints import ExpectedCheckpoints


@dataclass(frozen=True)
class Driver:
    """One worker driving one cluster, for as long as it holds the lease."""

    settings: ClusterSettings
    sessions: sessionmaker[Session]
    cluster: Cluster
    traffic: Traffic
    breaker: Breaker
    lease: Lease
    now: Callable[[], datetime]
    cipher: Cipher
    lost: threading.Event
    """Set by the heartbeat when the lease could not be renewed in time."""
    ages: Ages = field(default_factory=Ages)
    """How long something has been so: `now` is only for what is shown."""
    expected_checkpoints: ExpectedCheckpoints = field(default_factory=ExpectedCheckpoints)
    owns_root: threading.Event = field(default_factory=threading.Event)
    """Set while the root on the cluster is known to be ours (worker.upkeep.root_ownership)."""
    weights: Weights = field(default_factory=Weights)
    """Of the order of the queue."""

    @contextmanager
    def apply(self) -> Iterator[Session]:
        """A transaction that writes only if the lease is still ours. Raises LeaseLost."""
        with transaction(self.sessions) as session:
            prove(session, self.lease)
            lock_event_order(session)  # before any job's row, as the server does: so that neither waits for the other
            yield session

    @contextmanager
    def load(self) -> Iterator[Session]:
        """A short session to read with."""
        with self.sessions() as session:
            yield session

    def check(self) -> None:
        """To be called before anything is done to the cluster. Raises LeaseLost."""
        if self.lost.is_set():
            raise LeaseLost(f"the lease of {self.lease.cluster} was not renewed in time")
