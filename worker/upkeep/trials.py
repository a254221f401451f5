"""Trials of jobs that people ask about: Slurm is asked, without submitting anything."""

import logging
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256

from tuning.clusters.trials import TrialAnswer, note_answers, unanswered
from tuning.errors import SubmissionRefused
from tuning.jobs.troubles import Step, Subject
from tuning.moments import later
from tuning.slurm.cluster import Trial
from worker.driver import Driver
from worker.quarantine import Quarantine
from worker.upkeep.trial_doubts import WaitingJob, doubt, waiting_jobs

log = logging.getLogger(__name__)

BATCH = 20
PAUSE_SECONDS = 5.0
"""However many ask, the login node gets one command in this time."""


class Trials:
    """Answers what is asked, and remembers when Slurm was asked last."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._free_at = 0.0

    def answer_waiting(self) -> None:
        """At most one remote command; none when nobody asks. Raises ClusterError."""
        if time.monotonic() < self._free_at:
            return
        name = self._driver.settings.name
        with self._driver.load() as session:
            if not unanswered(session, name, 1):
                return
        quarantine = Quarantine(self._driver, Step.TRY_OUT, _subject)
        with self._driver.load() as session:
            asked = unanswered(session, name, BATCH + len(quarantine.held))
        scripts = quarantine.due(asked)[:BATCH]
        if not scripts:
            return
        self._free_at = time.monotonic() + PAUSE_SECONDS
        self._driver.check()
        trials = dict(zip(scripts, self._driver.cluster.try_out(scripts), strict=True))
        with self._driver.load() as session:
            waiting = waiting_jobs(session, name)
        answers = dict(quarantine.each(scripts, lambda script: self._answer(script, trials[script], waiting)))
        quarantine.succeeded(quarantine.together(list(answers), lambda part: self._note(part, answers)))
        log.info("asked Slurm of %s jobs", len(scripts), extra={"action": "try_out", "cluster": name})

    def _note(self, scripts: Sequence[str], answers: Mapping[str, TrialAnswer]) -> None:
        with self._driver.apply() as session:
            now = self._driver.now()
            note_answers(session, self._driver.settings.name, {script: answers[script] for script in scripts}, now)

    def _answer(self, script: str, trial: Trial, waiting: Sequence[WaitingJob]) -> TrialAnswer:
        if trial.error is not None:
            is_final = isinstance(trial.error, SubmissionRefused)
            return TrialAnswer(refusal=str(trial.error), hint=trial.error.hint, is_final=is_final)
        if (doubtful := doubt(script, waiting)) is not None:
            return doubtful
        return TrialAnswer(starts_at=later(self._driver.now(), trial.wait_seconds))


def _subject(script: str) -> Subject:
    return Subject(sha256(script.encode()).hexdigest())
