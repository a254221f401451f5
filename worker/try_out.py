"""What Slurm would do with jobs that people ask about is asked of Slurm, without submitting anything."""

import logging
import time

from tuning.clusters.trials import TrialAnswer, note_answers, unanswered
from tuning.errors import SubmissionRefused
from tuning.moments import later
from tuning.slurm.cluster import Trial
from worker.drive import Drive

log = logging.getLogger(__name__)

BATCH = 20
PAUSE_SECONDS = 5.0
"""However many ask, the login node gets one command in this time."""


class Trials:
    """Answers what is asked, and remembers when Slurm was asked last."""

    def __init__(self, drive: Drive) -> None:
        self._drive = drive
        self._free_at = 0.0

    def answer_waiting(self) -> None:
        """At most one remote command; none when nobody asks. Raises ClusterError."""
        if time.monotonic() < self._free_at:
            return
        name = self._drive.settings.name
        with self._drive.load() as session:
            scripts = unanswered(session, name, BATCH)
        if not scripts:
            return
        self._free_at = time.monotonic() + PAUSE_SECONDS
        self._drive.check()
        found = self._drive.cluster.try_out(scripts)
        now = self._drive.now()
        answers = {script: self._answer(trial) for script, trial in zip(scripts, found, strict=True)}
        with self._drive.apply() as session:
            note_answers(session, name, answers, now)
        log.info("asked Slurm of %s jobs", len(scripts), extra={"action": "try_out", "cluster": name})

    def _answer(self, trial: Trial) -> TrialAnswer:
        if trial.error is not None:
            is_final = isinstance(trial.error, SubmissionRefused)
            return TrialAnswer(refusal=str(trial.error), hint=trial.error.hint, is_final=is_final)
        return TrialAnswer(starts_at=later(self._drive.now(), trial.wait_seconds))
