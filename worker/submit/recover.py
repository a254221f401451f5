"""Recovery of a submission whose answer was lost: adopt it, or prove that it never happened.

A job stands here when its driver died between the claim and the answer, or when sbatch was cut off. It is looked up by
its token; found, it is adopted. Not found for longer than sbatch itself would wait, its claim is taken away on the
cluster, so that it can never train even if Slurm still gets it; only then may it be submitted again.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy.orm import Session

from tuning.jobs.layout import attempt_directory, slurm_job_name
from tuning.jobs.models import Attempt, Job
from tuning.jobs.queries.driver import Unconfirmed, unconfirmed
from tuning.jobs.troubles import Step, Subject
from tuning.slurm.attempt_records import parse_started
from tuning.slurm.cluster import ReadRequest
from worker.driver import Driver
from worker.quarantine import Quarantine
from worker.submit.batch import confirm, give_back

log = logging.getLogger(__name__)

CLOCKS_DIFFER_SECONDS = 3 * 3600
"""Accounting is asked from so much earlier on: the clocks of the login node, of Slurm and ours may have jumped."""


def settle_unconfirmed(driver: Driver) -> None:
    """Look for every submission without an answer; at most three remote commands, none when there is none."""
    with driver.load() as session:
        waiting = unconfirmed(session, driver.settings.name)
    if not waiting:
        return
    quarantine = Quarantine(driver, Step.SETTLE, _subject)
    quarantine.forget_all_but(waiting)
    waiting = quarantine.due(waiting)
    if not waiting:
        return
    driver.check()
    names = {
        submission.token: slurm_job_name(submission.job_id, submission.number, submission.token)
        for submission in waiting
    }
    age = driver.now() - min(submission.since for submission in waiting)
    found = driver.cluster.look_up(names, max(0.0, age.total_seconds()) + CLOCKS_DIFFER_SECONDS)
    _adopt(
        driver,
        quarantine,
        names,
        {submission: found[submission.token] for submission in waiting if found.get(submission.token)},
    )
    patience = timedelta(seconds=driver.settings.submit_settle_seconds)
    ages = {submission: driver.ages.of(("unconfirmed", submission.token)) for submission in waiting}
    overdue = [submission for submission in waiting if not found.get(submission.token) and ages[submission] > patience]
    if overdue:
        _take_claims(driver, quarantine, overdue)


def _subject(submission: Unconfirmed) -> Subject:
    return Subject.job(submission.job_id)


def _adopt(
    driver: Driver,
    quarantine: Quarantine[Unconfirmed],
    names: Mapping[str, str],
    found: dict[Unconfirmed, list[int]],
) -> None:
    extra = sorted(
        (slurm_job_id, names[submission.token]) for submission, ids in found.items() for slurm_job_id in sorted(ids)[1:]
    )
    if extra:  # --dependency=singleton kept them from running beside the first
        log.warning("cancelling doubles: %s", extra, extra={"action": "cancel_doubles"})
        driver.cluster.cancel(extra)
    _confirm_all(driver, quarantine, {submission: min(ids) for submission, ids in found.items()})


def _take_claims(driver: Driver, quarantine: Quarantine[Unconfirmed], overdue: Sequence[Unconfirmed]) -> None:
    directories = {
        attempt_directory(driver.settings.root, submission.job_id, submission.number): submission
        for submission in overdue
    }
    taken = driver.cluster.abandon(list(directories))
    ours = [submission for directory, submission in directories.items() if taken.get(directory)]
    quarantine.succeeded(quarantine.together(ours, partial(_give_back_all, driver)))
    _adopt_started(
        driver, quarantine, {path: submission for path, submission in directories.items() if taken.get(path) is False}
    )


def _give_back_all(driver: Driver, submissions: Sequence[Unconfirmed]) -> None:
    with driver.apply() as session:
        for submission in submissions:
            job, attempt = _rows(session, submission)
            give_back(session, job, attempt, "its submission never reached Slurm: submitting again", driver.now())


def _adopt_started(driver: Driver, quarantine: Quarantine[Unconfirmed], claimed: dict[str, Unconfirmed]) -> None:
    """The claim was taken by a job that Slurm no longer tells of: its own record says which."""
    if not claimed:
        return
    texts = driver.cluster.read([ReadRequest(f"{path}/started", 0, 4096) for path in claimed]).contents
    paths = {submission: path for path, submission in claimed.items()}
    started = quarantine.each(paths, lambda submission: parse_started(texts.get(f"{paths[submission]}/started", b"")))
    _confirm_all(driver, quarantine, {submission: record.slurm_job_id for submission, record in started if record})


def _confirm_all(driver: Driver, quarantine: Quarantine[Unconfirmed], ids: dict[Unconfirmed, int]) -> None:
    def confirm_these(submissions: Sequence[Unconfirmed]) -> None:
        with driver.apply() as session:
            for submission in submissions:
                job, attempt = _rows(session, submission)
                log.info("adopted %s", ids[submission], extra={"action": "adopt", "job_id": submission.job_id})
                confirm(session, job, attempt, ids[submission], driver.now())

    quarantine.succeeded(quarantine.together(list(ids), confirm_these))


def _rows(session: Session, submission: Unconfirmed) -> tuple[Job, Attempt]:
    return session.get_one(Job, submission.job_id), session.get_one(Attempt, (submission.job_id, submission.number))
