"""Pauses of submissions after refusals by the site's state: by cluster, partition, account or job, with backoff.

A pause that is over lets one job of its scope through. What Slurm says of that one ends the pause, or makes the next
one longer: however many jobs wait for a drained partition, it costs one sbatch in each pause.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, true

from tuning.errors import ClusterError, SiteLimit, SiteState
from tuning.jobs.models import Job

FIRST_SECONDS = 30.0
LONGEST_SECONDS = 300.0
MANY_REFUSALS = 20
"""After so many in a row, an hour and a half, the reason says that this is no passing trouble."""
MOST_SINGLE_JOBS = 200
"""So many jobs at most pause for reasons of their own; with more of them it is the cluster that pauses."""


@dataclass(frozen=True)
class Place:
    """Place of a job in a cluster (partition, account, QOS), as far as the site's state can differ by it."""

    job_id: str
    partition: str
    account: str
    qos: str


@dataclass(frozen=True)
class Scope:
    """The jobs that a pause concerns: those that agree in all that is named; None = whatever it is."""

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    job_id: str | None = None

    def holds(self, place: Place) -> bool:
        """Whether a job is among them."""
        return all(getattr(self, name) in (None, getattr(place, name)) for name in _NAMES)

    def clause(self) -> ColumnElement[bool]:
        """The scope as a condition on the rows of jobs."""
        wanted = [_column(name) == value for name in _NAMES if (value := getattr(self, name)) is not None]
        return and_(true(), *wanted)


@dataclass
class _Pause:
    reason: str
    refusals: int
    until: float


_NAMES = ("partition", "account", "qos", "job_id")


def place_of(job_id: str, resources: Mapping[str, Any]) -> Place:
    """The place of a job, by its resources."""
    words = (str(resources.get(name) or "") for name in ("partition", "account", "qos"))
    return Place(job_id, *words)


class Pauses:
    """The scopes that are paused, each with its reason and the number of refusals in a row."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._pauses: dict[Scope, _Pause] = {}

    def begin(self, error: ClusterError, place: Place, reason: str) -> bool:
        """A submission at this place was refused: its scope pauses, longer each time.

        Returns whether this began a pause: of the refusals of one batch the first does.
        """
        scope, now = self._scope(error, place), self._monotonic()
        known = self._pauses.get(scope)
        if known is not None and known.until > now:
            return False
        refusals = known.refusals + 1 if known else 1
        seconds = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(refusals - 1, 10))
        self._pauses[scope] = _Pause(_told(reason, refusals), refusals, now + seconds)
        return True

    def end(self, place: Place) -> None:
        """Slurm has taken a job of this place: nothing that concerns it pauses any more."""
        self._pauses = {scope: pause for scope, pause in self._pauses.items() if not scope.holds(place)}

    def is_cluster_paused(self) -> bool:
        """Whether nothing at all is to be submitted now."""
        return self._is_on(Scope())

    def is_paused(self, place: Place) -> bool:
        """Whether a job at this place is to wait."""
        return any(scope.holds(place) and self._is_on(scope) for scope in self._pauses)

    def reason(self, place: Place) -> str | None:
        """The reason for which a job at this place waits; None when no pause concerns it."""
        return next((pause.reason for scope, pause in self._pauses.items() if scope.holds(place)), None)

    def reasons(self) -> dict[Scope, str]:
        """The reason for which each scope pauses."""
        return {scope: pause.reason for scope, pause in self._pauses.items()}

    def waiting_clause(self) -> ColumnElement[bool] | None:
        """A condition for the jobs that need not wait; None when nothing is paused."""
        paused = [scope.clause() for scope in self._pauses if self._is_on(scope)]
        return and_(*(~clause for clause in paused)) if paused else None

    def let_through(self, places: Iterable[Place]) -> list[Place]:
        """The places among these that need not wait; of each scope whose pause is over only the first."""
        tried: set[Scope] = set()
        passed = []
        for place in places:
            own = {scope for scope in self._pauses if scope.holds(place)}
            if own & tried or any(self._is_on(scope) for scope in own):
                continue
            tried |= own
            passed.append(place)
        return passed

    def _is_on(self, scope: Scope) -> bool:
        pause = self._pauses.get(scope)
        return pause is not None and pause.until > self._monotonic()

    def _scope(self, error: ClusterError, place: Place) -> Scope:
        if isinstance(error, SiteLimit):
            return Scope(partition=place.partition, account=place.account, qos=place.qos)
        if not isinstance(error, SiteState) or error.scope == "cluster":
            return Scope()
        if error.scope == "partition":
            return Scope(partition=place.partition)
        if error.scope == "account":
            return Scope(account=place.account, qos=place.qos)
        single = sum(scope.job_id is not None for scope in self._pauses)
        return Scope(job_id=place.job_id) if single < MOST_SINGLE_JOBS else Scope()


def _told(reason: str, refusals: int) -> str:
    if refusals < MANY_REFUSALS:
        return reason
    return f"{reason} (refused {refusals} times in a row: ask the operator or the site, or cancel it)"


def _column(name: str) -> ColumnElement[str]:
    if name == "job_id":
        return Job.id.expression
    return func.coalesce(Job.resources[name].as_string(), "")
