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
    names = {one.token: slurm_job_name(one.job_id, one.number, one.token) for one in waiting}
    age = driver.now() - min(one.since for one in waiting)
    found = driver.cluster.look_up(names, max(0.0, age.total_seconds()) + CLOCKS_DIFFER_SECONDS)
    _adopt(driver, quarantine, names, {one: found[one.token] for one in waiting if found.get(one.token)})
    patience = timedelta(seconds=driver.settings.submit_settle_seconds)
    ages = {one: driver.ages.of(("unconfirmed", one.token)) for one in waiting}
    overdue = [one for one in waiting if not found.get(one.token) and ages[one] > patience]
    if overdue:
        _take_claims(driver, quarantine, overdue)


def _subject(one: Unconfirmed) -> Subject:
    return Subject.job(one.job_id)


def _adopt(
    driver: Driver,
    quarantine: Quarantine[Unconfirmed],
    names: Mapping[str, str],
    found: dict[Unconfirmed, list[int]],
) -> None:
    extra = sorted((slurm_job_id, names[one.token]) for one, ids in found.items() for slurm_job_id in sorted(ids)[1:])
    if extra:  # --dependency=singleton kept them from running beside the first
        log.warning("cancelling doubles: %s", extra, extra={"action": "cancel_doubles"})
        driver.cluster.cancel(extra)
    _confirm_all(driver, quarantine, {one: min(ids) for one, ids in found.items()})


def _take_claims(driver: Driver, quarantine: Quarantine[Unconfirmed], overdue: Sequence[Unconfirmed]) -> None:
    directories = {attempt_directory(driver.settings.root, one.job_id, one.number): one for one in overdue}
    taken = driver.cluster.abandon(list(directories))
    ours = [one for directory, one in directories.items() if taken.get(directory)]
    quarantine.succeeded(quarantine.together(ours, partial(_give_back_all, driver)))
    _adopt_started(driver, quarantine, {path: one for path, one in directories.items() if taken.get(path) is False})


def _give_back_all(driver: Driver, submissions: Sequence[Unconfirmed]) -> None:
    with driver.apply() as session:
        for one in submissions:
            job, attempt = _rows(session, one)
            give_back(session, job, attempt, "its submission never reached Slurm: submitting again", driver.now())


def _adopt_started(driver: Driver, quarantine: Quarantine[Unconfirmed], claimed: dict[str, Unconfirmed]) -> None:
    """The claim was taken by a job that Slurm no longer tells of: its own record says which."""
    if not claimed:
        return
    texts = driver.cluster.read([ReadRequest(f"{path}/started", 0, 4096) for path in claimed]).contents
    paths = {one: path for path, one in claimed.items()}
    started = quarantine.each(paths, lambda one: parse_started(texts.get(f"{paths[one]}/started", b"")))
    _confirm_all(driver, quarantine, {one: record.slurm_job_id for one, record in started if record})


def _confirm_all(driver: Driver, quarantine: Quarantine[Unconfirmed], ids: dict[Unconfirmed, int]) -> None:
    def confirm_these(submissions: Sequence[Unconfirmed]) -> None:
        with driver.apply() as session:
            for one in submissions:
                job, attempt = _rows(session, one)
                log.info("adopted %s", ids[one], extra={"action": "adopt", "job_id": one.job_id})
                confirm(session, job, attempt, ids[one], driver.now())

    quarantine.succeeded(quarantine.together(list(ids), confirm_these))


def _rows(session: Session, one: Unconfirmed) -> tuple[Job, Attempt]:
    return session.get_one(Job, one.job_id), session.get_one(Attempt, (one.job_id, one.number))
