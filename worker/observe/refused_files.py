"""Warnings of links and other things that a run left in the place of a file that is read."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.jobs.layout import attempt_directory, job_directory, output_directory
from tuning.jobs.models import JobEvent
from tuning.jobs.queries.driver import LiveAttempt
from tuning.jobs.transition import record_event
from worker.driver import Driver

BATCH = 200
"""Warnings in one transaction; the others come with the next cycle, in which they are refused again."""
_Warning = tuple[str, str]
"""A job's id and the message."""


def tell_refused(driver: Driver, attempts: Iterable[LiveAttempt], paths: frozenset[str]) -> None:
    """One warning event for each path of these attempts, however often it is refused."""
    if not paths:
        return
    warnings = _warnings(driver.settings.root, attempts, paths)
    with driver.load() as session:
        told = _told(session, {job_id for job_id, _ in warnings})
    news = [warning for warning in warnings if warning not in told][:BATCH]
    if not news:
        return
    with driver.apply() as session:
        for job_id, message in news:
            record_event(session, job_id, "warning", message, driver.now())


def _warnings(root: str, attempts: Iterable[LiveAttempt], paths: Iterable[str]) -> list[_Warning]:
    by_folder: dict[str, list[str]] = {}
    for path in sorted(paths):
        by_folder.setdefault("/".join(path.split("/")[: root.count("/") + 3]), []).append(path)
    return [
        (live.job_id, _message(root, live, path))
        for live in attempts
        for path in by_folder.get(job_directory(root, live.job_id), ())
    ]


def _message(root: str, attempt: LiveAttempt, path: str) -> str:
    name = path.removeprefix(f"{output_directory(root, attempt.job_id)}/")
    name = name.removeprefix(f"{attempt_directory(root, attempt.job_id, attempt.number)}/")
    return f"{name} of attempt {attempt.number} is a link, or no plain file of its own: it is not read"


def _told(session: Session, job_ids: Iterable[str]) -> set[_Warning]:
    wanted = select(JobEvent.job_id, JobEvent.message)
    rows = session.execute(wanted.where(JobEvent.job_id.in_(job_ids), JobEvent.type == "warning"))
    return {(job_id, message) for job_id, message in rows}
