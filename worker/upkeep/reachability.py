"""Reachability of the cluster, told in its row and on each of its live jobs."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tuning.clusters.models import ClusterRow
from tuning.jobs.models import Job
from tuning.jobs.status import ACTIVE, IN_OUR_QUEUE
from worker.driver import Driver

_KNOWN_TO_SLURM = tuple(ACTIVE - IN_OUR_QUEUE)


def note_reached(driver: Driver, cycle_seconds: float) -> None:
    """The cluster answered a whole cycle: say so, and take back `unreachable_since` where it stood."""
    now = driver.now()
    with driver.apply() as session:
        row = _row(session, driver)
        was_away, row.reached_at = row.unreachable_since is not None, now
        row.commands = {**_budget(driver), "cycle_seconds": round(cycle_seconds, 3)}
        if was_away:
            row.unreachable_since = row.unreachable_reason = None
            _mark_jobs(session, driver, None)


def note_unreachable(driver: Driver, reason: str) -> None:
    """The cluster did not answer: the first time is remembered, the reason is the newest."""
    now = driver.now()
    with driver.apply() as session:
        row = _row(session, driver)
        row.unreachable_reason, row.commands = reason, _budget(driver)
        if row.unreachable_since is None:
            row.unreachable_since = now
            _mark_jobs(session, driver, row.unreachable_since)


def _budget(driver: Driver) -> dict[str, Any]:
    """What was used of the login node, what may be, and whether it is being left alone."""
    allowance = driver.traffic.allowance
    most = {"commands_per_minute": allowance.commands, "connections_per_minute": allowance.connections}
    return {**asdict(driver.traffic.read()), **most, "breaker_open": driver.breaker.is_open}


def _row(session: Session, driver: Driver) -> ClusterRow:
    return session.scalars(select(ClusterRow).where(ClusterRow.name == driver.settings.name)).one()


def _mark_jobs(session: Session, driver: Driver, since: object) -> None:
    on_it = (Job.cluster == driver.settings.name, Job.status.in_(_KNOWN_TO_SLURM))
    changes = {"unreachable_since": since, "version": Job.version + 1, "updated_at": driver.now()}
    session.execute(update(Job).where(*on_it).values(**changes), execution_options={"synchronize_session": False})
