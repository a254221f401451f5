"""Queued jobs become Slurm jobs, many in few round trips, each at most once.

Load and claim (the tokens are committed) -> one command -> apply the answers. What has no answer stays
`submitting`; worker.submit.recover finds out what became of it.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.clusters.repository import snapshot_of
from tuning.clusters.snapshot import Snapshot
from tuning.containment import Contained
from tuning.errors import (
    AttemptUnwritable,
    ClusterError,
    CommandTimedOut,
    Conflict,
    CopiesGone,
    InvalidInput,
    ShapeRefused,
    SiteLimit,
    SiteState,
    SlurmUnavailable,
    SubmissionRefused,
    UnknownRefusal,
    Unreachable,
)
from tuning.jobs.attempt.inputs import AttemptInputs, load_inputs
from tuning.jobs.models import Attempt, Job
from tuning.jobs.queries.driver import (
    Confirmed,
    begin_attempts,
    confirm_attempts,
    datasets_needed,
    queued_jobs,
    tell_queued,
)
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event, transition
from tuning.jobs.troubles import Step, Subject
from tuning.slurm.cluster import SubmissionAnswer
from worker.driver import Driver
from worker.finish.carry_over import carry_over
from worker.quarantine import FORESEEN, Quarantine
from worker.staging.copies import forget_copies
from worker.staging.upload import staged_jobs
from worker.submit.cluster_cache import KnownCluster
from worker.submit.limits import LimitGate
from worker.submit.pauses import Pauses, Place, place_of
from worker.submit.prepare import Handover, prepare, start_of
from worker.submit.queue import HELD_BACK, QueueOrder
from worker.submit.shapes import has_nodes_for

log = logging.getLogger(__name__)

BATCH = 200
BATCHES = 5
"""In one go; then the live jobs are looked at again, however many wait."""
LOOK_AHEAD = 2000
"""Jobs that wait for a large data set do not hold up those behind them; those that a limit holds back may be more."""
TELL_SECONDS = 5.0
"""How often jobs that come during a pause are told why they wait."""
_OF_ONE_JOB = (SubmissionRefused, AttemptUnwritable)


class Submitter:
    """Hands waiting jobs to Slurm, and remembers when the site asked to wait."""

    def __init__(
        self, driver: Driver, known: KnownCluster, pauses: Pauses | None = None, gate: LimitGate | None = None
    ) -> None:
        self._driver = driver
        self._known = known
        self._pauses = pauses or Pauses()
        self._queue = QueueOrder(driver, known)
        self._gate = gate or LimitGate(driver)
        self._quarantine = Quarantine(driver, Step.SUBMIT, Subject.job)
        self._told_at = -TELL_SECONDS

    def submit_waiting(self) -> int:
        """Submit what waits, at most so many batches; returns how many jobs were claimed."""
        self._tell_paused()
        self._tell_held_back()
        if self._pauses.is_cluster_paused():
            return 0
        batch = self._claim()
        if not batch:
            return 0
        if len(batch) < BATCH:
            self._apply(batch, self._answers(partial(self._send, batch), batch))
            return len(batch)
        with ThreadPoolExecutor(1, thread_name_prefix="submit") as sender:
            return self._hand_over(sender, batch)

    @property
    def fallen_behind(self) -> Sequence[str]:
        """Jobs inside Slurm that are far behind others that wait, the last first."""
        return self._queue.fallen_behind

    def _hand_over(self, sender: ThreadPoolExecutor, batch: Sequence[Handover]) -> int:
        """While a batch is on its way the next one is made ready; and its answers are written down behind the next."""
        count, sent = 0, sender.submit(self._send, batch)
        for batches in range(1, BATCHES + 1):
            count += len(batch)
            is_more = len(batch) == BATCH and batches < BATCHES
            following = self._claim() if is_more else []
            answers = self._answers(sent.result, [*batch, *following])
            following = self._not_paused(following, answers)
            if following:
                sent = sender.submit(self._send, following)
            self._apply(batch, answers)
            if not following:
                return count
            batch = following
        return count

    def _send(self, batch: Sequence[Handover]) -> list[SubmissionAnswer]:
        self._driver.check()
        return self._driver.cluster.submit([handover.submission for handover in batch])

    def _answers(
        self, send: Callable[[], Sequence[SubmissionAnswer]], claimed: Sequence[Handover]
    ) -> Sequence[SubmissionAnswer]:
        """Answers of the cluster to a batch. Raises ClusterError after all that is claimed was given back."""
        try:
            answers = self._judge_shapes(claimed, send())
        except CopiesGone as error:
            forget_copies(self._driver, (PurePosixPath(path).stem for path in error.paths))
            return [SubmissionAnswer(handover.attempt.token, error=error) for handover in claimed]
        except ClusterError as error:  # raised only before any sbatch was started
            if not isinstance(error, Unreachable | CommandTimedOut):  # the site itself is well, and the loop backs off
                self._pause(error, claimed[0].place)
            self._give_back(claimed, error)
            raise
        self._note_pauses(claimed, answers)
        return answers

    def _judge_shapes(
        self, claimed: Sequence[Handover], answers: Sequence[SubmissionAnswer]
    ) -> Sequence[SubmissionAnswer]:
        """A job for which the cluster has nodes waits for them, though Slurm has none to offer just now."""
        if not any(isinstance(answer.error, ShapeRefused) for answer in answers):
            return answers
        with self._driver.load() as session:
            snapshot = snapshot_of(session, self._driver.settings.name) or Snapshot()
        wanted = {handover.attempt.token: handover.resources for handover in claimed}
        return [
            replace(answer, error=SiteState(str(answer.error), hint=answer.error.hint, scope="job"))
            if isinstance(answer.error, ShapeRefused) and has_nodes_for(snapshot, wanted[answer.token])
            else answer
            for answer in answers
        ]

    def _note_pauses(self, claimed: Sequence[Handover], answers: Sequence[SubmissionAnswer]) -> None:
        places = {handover.attempt.token: handover.place for handover in claimed}
        for answer in answers:
            if answer.slurm_job_id is not None and answer.was_begun:
                self._pauses.end(places[answer.token])
        for answer in answers:
            if answer.error is not None and not isinstance(answer.error, _OF_ONE_JOB):
                self._pause(answer.error, places[answer.token])

    def _pause(self, error: ClusterError, place: Place) -> None:
        if not self._pauses.begin(error, place, waiting_reason(error)):
            return
        extra = {"action": "pause", "cluster": self._driver.settings.name, "job_id": place.job_id}
        log.warning("%s", self._pauses.reason(place), extra=extra)
        self._told_at = -TELL_SECONDS
        if self._pauses.is_cluster_paused():
            self._driver.cluster.log_in_anew()  # groups, limits and PATH are those of the login

    def _not_paused(self, following: Sequence[Handover], answers: Sequence[SubmissionAnswer]) -> list[Handover]:
        """Jobs made ready behind a batch, without those that are to wait now: these are given back."""
        paused = [handover for handover in following if self._pauses.is_paused(handover.place)]
        if paused:
            self._give_back(paused, _trouble(answers) or SlurmUnavailable("submissions pause"))
        return [handover for handover in following if handover not in paused]

    def _tell_paused(self) -> None:
        """Jobs that came after a refusal of others in their place say why they wait, too."""
        reasons = self._pauses.reasons()
        if not reasons or time.monotonic() - self._told_at < TELL_SECONDS:
            return
        self._told_at = time.monotonic()
        with self._driver.apply() as session:
            for scope, reason in reasons.items():
                tell_queued(session, self._driver.settings.name, scope.clause(), reason, self._driver.now())

    def _tell_held_back(self) -> None:
        """Jobs that the last look held back say why, once."""
        if not (untold := self._queue.untold):
            return
        with self._driver.apply() as session:
            tell_queued(session, self._driver.settings.name, Job.id.in_(untold), HELD_BACK, self._driver.now())
        self._queue.note_told(untold)

    def _claim(self) -> list[Handover]:
        """Jobs with their committed tokens; one that cannot be made ready is left where it was, and waits by itself."""
        name, now, free = self._driver.settings.name, self._driver.now(), self._pauses.waiting_clause()
        with self._driver.load() as session:
            ids = self._queue.in_order(session, free)
            needs = datasets_needed(session, ids if self._gate.is_limited else ids[:LOOK_AHEAD])
            if not needs:
                return []
            staged = staged_jobs(session, name, needs)
            admitted = self._gate.let_in(session, staged)
            ready = self._queue.within_window(session, admitted, is_all=len(admitted) == len(needs))[:BATCH]
            if self._pauses.reasons():
                ready = _let_through(_in_order(queued_jobs(session, name, ready, now), ready), self._pauses)
            self._known.description(session)  # here an error is not taken for the fault of each job
        self._gate.tell_held()
        claimed: list[Handover] = []
        self._quarantine = Quarantine(self._driver, Step.SUBMIT, Subject.job)
        self._quarantine.together(
            ready, lambda part: claimed.extend(self._begin({handover: needs[handover] for handover in part}))
        )
        return claimed

    def _begin(self, needs: Mapping[str, Sequence[str]]) -> list[Handover]:
        driver, name, now = self._driver, self._driver.settings.name, self._driver.now()
        with driver.apply() as session:
            ready = staged_jobs(session, name, needs)  # again: a copy may have been removed meanwhile
            claimed = self._gate.let_in_now(session, _in_order(queued_jobs(session, name, ready, now), ready))
            cluster, saves = self._known.description(session), partial(self._known.longest_saves, session)
            inputs = load_inputs(session, claimed, needs, driver.settings, cluster.registered or {}, saves)
            avoided = {job.id: self._known.avoided(session, job, now) for job in claimed}
            inputs = {job_id: replace(own, avoided=avoided[job_id]) for job_id, own in inputs.items()}
            planned = [_planned(session, driver, job, inputs[job.id], cluster.image_digest) for job in claimed]
            handovers = [handover for handover in planned if handover is not None]
            records = {handover.job_id: handover.record for handover in handovers}
            begin_attempts(session, [handover.attempt for handover in handovers], records, now)
        return handovers

    def _apply(self, batch: Sequence[Handover], answers: Sequence[SubmissionAnswer]) -> None:
        by_token = {answer.token: answer for answer in answers}
        self._write_down(batch, lambda part: self._apply_these(part, by_token))
        by_job = {handover.job_id: by_token.get(handover.attempt.token) for handover in batch}
        errors = {job_id: answer.error for job_id, answer in by_job.items() if answer is not None}
        unwritable = {job_id: error for job_id, error in errors.items() if isinstance(error, AttemptUnwritable)}
        for job_id, error in unwritable.items():
            self._quarantine.failed(job_id, error)
        self._quarantine.succeeded(by_job.keys() - unwritable.keys())

    def _write_down(self, batch: Sequence[Handover], act: Callable[[Sequence[Handover]], None]) -> None:
        """Write answers down. A job at which that fails is looked up, as a submission without an answer."""
        with Contained(*FORESEEN) as attempt:
            act(batch)
        if attempt.error is not None:
            Quarantine(self._driver, Step.SETTLE, _subject).together(batch, act)

    def _give_back(self, claimed: Sequence[Handover], error: ClusterError) -> None:
        self._write_down(claimed, lambda part: _give_all_back(self._driver, part, error))

    def _apply_these(self, handovers: Sequence[Handover], by_token: Mapping[str, SubmissionAnswer]) -> None:
        now = self._driver.now()
        confirmed, others = [], []
        for handover in handovers:
            answer = by_token.get(handover.attempt.token)
            if answer is not None and answer.slurm_job_id is not None and answer.was_begun:
                confirmed.append(Confirmed(handover.job_id, handover.attempt.number, answer.slurm_job_id))
            else:
                others.append(handover)
        with self._driver.apply() as session:
            confirm_attempts(session, confirmed, now)
            rows = _rows(session, others) if others else {}
            for handover in others:
                reason = self._pauses.reason(handover.place)
                self._driver.ages.restart(("unconfirmed", handover.attempt.token))
                _apply_one(session, *rows[handover.job_id], by_token.get(handover.attempt.token), reason, now)


def give_back(session: Session, job: Job, attempt: Attempt, reason: str, now: datetime) -> None:
    """A submission that is proved not to have happened: the job waits again, or ends if that was asked for."""
    session.delete(attempt)
    if job.cancel_requested_at is not None:
        transition(session, job, JobStatus.CANCELLED, "cancelled before Slurm had it", now)
    elif job.hold_requested_at is not None:
        transition(session, job, JobStatus.HELD, "held before Slurm had it", now)
    else:
        transition(session, job, JobStatus.QUEUED, reason, now)


def waiting_reason(error: ClusterError | None) -> str:
    """The status reason of a job that Slurm does not take at present."""
    match error:
        case SiteLimit():
            return f"waiting for the site's limit: {error}"
        case UnknownRefusal():
            return f"waiting: Slurm refuses it in words that packtrain does not know: {error}"
    return f"waiting: {error}"


def confirm(session: Session, job: Job, attempt: Attempt, slurm_job_id: int, now: datetime) -> None:
    """Slurm has the job."""
    attempt.slurm_job_id, attempt.submitted_at, attempt.unconfirmed_since = slurm_job_id, now, None
    job.slurm_job_id, job.slurm_state = slurm_job_id, "PENDING"
    transition(session, job, JobStatus.PENDING, f"Slurm job {slurm_job_id}", now)


def _in_order(jobs: Iterable[Job], job_ids: Iterable[str]) -> list[Job]:
    """The jobs in the order of these ids."""
    places = {job_id: place for place, job_id in enumerate(job_ids)}
    return sorted(jobs, key=lambda job: places[job.id])


def _let_through(jobs: Sequence[Job], pauses: Pauses) -> list[str]:
    return [place.job_id for place in pauses.let_through(place_of(job.id, job.resources) for job in jobs)]


def _planned(
    session: Session, driver: Driver, job: Job, inputs: AttemptInputs, image_digest: str | None
) -> Handover | None:
    try:
        start = start_of(session, job, driver.cipher)
        if job.attempt:
            carry_over(session, job.id, job.attempt + 1)
        return prepare(job, driver.settings, inputs, image_digest, start)
    except (InvalidInput, Conflict) as error:
        # accepted once, and no longer possible: the operator's settings have changed since, or a secret is gone
        job.failure = {"code": "invalid", "message": str(error), "hint": None, "evidence": []}
        transition(session, job, JobStatus.FAILED, f"cannot be run any more: {error}", driver.now())
        return None


def _subject(handover: Handover) -> Subject:
    return Subject.job(handover.job_id)


def _trouble(answers: Sequence[SubmissionAnswer]) -> ClusterError | None:
    """The first error that is not of one job alone: a limit, or something of the site's."""
    errors = (answer.error for answer in answers)
    return next((error for error in errors if error and not isinstance(error, _OF_ONE_JOB)), None)


def _apply_one(
    session: Session, job: Job, attempt: Attempt, answer: SubmissionAnswer | None, pause: str | None, now: datetime
) -> None:
    if answer is not None and not answer.was_begun:
        _apply_earlier(session, job, attempt, answer, now)
    elif answer is None or answer.error is None:
        attempt.unconfirmed_since = now
        record_event(session, job.id, "warning", "sbatch gave no answer: looking the job up by its token", now)
    elif isinstance(answer.error, SubmissionRefused):
        _refuse(session, job, answer.error, now)
    else:
        job.attempt -= 1  # nothing of it is left on the cluster: the number is free again
        give_back(session, job, attempt, pause or waiting_reason(answer.error), now)


def _apply_earlier(session: Session, job: Job, attempt: Attempt, answer: SubmissionAnswer, now: datetime) -> None:
    """Nothing was submitted: an earlier submission is adopted, the number of one that was given up is left out."""
    if answer.slurm_job_id is not None:
        log.warning("adopted %s", answer.slurm_job_id, extra={"action": "adopt", "job_id": job.id})
        confirm(session, job, attempt, answer.slurm_job_id, now)
    elif answer.is_earlier:
        give_back(session, job, attempt, "an earlier submission of it was given up: submitting again", now)
    else:
        job.attempt -= 1
        give_back(session, job, attempt, "earlier submissions of other jobs were found: submitting again", now)


def _refuse(session: Session, job: Job, error: SubmissionRefused, now: datetime) -> None:
    job.failure = {
        "code": "submission_refused",
        "message": str(error),
        "hint": error.hint or "correct the resources and retry",
        "evidence": [str(error)],
    }
    transition(session, job, JobStatus.FAILED, str(error), now)


def _give_all_back(driver: Driver, handovers: Sequence[Handover], error: ClusterError) -> None:
    now = driver.now()
    with driver.apply() as session:
        for job, attempt in _rows(session, handovers).values():
            job.attempt -= 1
            give_back(session, job, attempt, waiting_reason(error), now)


def _rows(session: Session, handovers: Sequence[Handover]) -> dict[str, tuple[Job, Attempt]]:
    """By job id: one query for the whole batch."""
    own = (Job.id == Attempt.job_id) & (Job.attempt == Attempt.number)
    wanted = select(Job, Attempt).join(Attempt, own).where(Job.id.in_([handover.job_id for handover in handovers]))
    return {job.id: (job, attempt) for job, attempt in session.execute(wanted)}
