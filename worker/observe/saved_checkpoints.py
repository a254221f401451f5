"""Checkpoints that running attempts have saved since the last look: seen among the files of a cycle, and told of."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.orm import Session

from tuning.jobs.output.checkpoints import tell_saved
from tuning.jobs.queries.driver import LiveAttempt
from tuning.jobs.status import JobStatus
from tuning.slurm.answers import FileStat
from worker.driver import Driver

Saved = Sequence[tuple[LiveAttempt, Sequence[int]]]
"""Attempts with the steps of their new checkpoints."""


def saved_steps(driver: Driver, attempt: LiveAttempt, files: Mapping[str, FileStat]) -> Sequence[int]:
    """Steps of the whole checkpoints of a running attempt that are there and that nobody was told of."""
    if attempt.status is not JobStatus.RUNNING:
        return ()
    untold = driver.expected_checkpoints.untold(driver.settings.root, attempt)
    return [step for step, path in untold.items() if path in files and files[path].size_bytes]


def newly_saved(driver: Driver, attempts: Iterable[LiveAttempt], files: Mapping[str, FileStat]) -> Saved:
    """The new checkpoints of these attempts, before what is read of their logs makes others expected."""
    found = ((attempt, saved_steps(driver, attempt, files)) for attempt in attempts)
    return [(attempt, steps) for attempt, steps in found if steps]


def tell(session: Session, driver: Driver, saved: Saved) -> None:
    """Write the events of new checkpoints."""
    for attempt, steps in saved:
        tell_saved(session, attempt.job_id, steps, driver.now())


def look_no_more(driver: Driver, saved: Saved) -> None:
    """Look for these no more, once their events are committed."""
    for attempt, steps in saved:
        driver.expected_checkpoints.told(attempt, max(steps))
