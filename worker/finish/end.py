"""The end of a run: judged by what it left behind, and written down for good."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from tuning.jobs.actions.control import touch
from tuning.jobs.actions.removals import ask_removal, secrets_path, surplus
from tuning.jobs.layout import checkpoint_path
from tuning.jobs.models import Artifact, Attempt, Job
from tuning.jobs.output.checkpoints import tell_saved
from tuning.jobs.output.growth import log_end
from tuning.jobs.queries.driver import LiveAttempt
from tuning.jobs.queries.sources import steps_among, whole_steps
from tuning.jobs.status import ENDED, JobStatus
from tuning.jobs.transition import correct, record_event, transition
from tuning.llamafactory.kinds import CHECK, SERVE, Kind, evaluates_only
from tuning.llamafactory.outcome import end
from tuning.llamafactory.outcome.end import Outcome, RunEvidence, judge
from tuning.llamafactory.outcome.results import doubts
from tuning.llamafactory.progress.eta_state import from_json
from tuning.models.spared import spared_steps
from tuning.moments import moment
from tuning.slurm.attempt_records import parse_data_sums, parse_resumed, parse_started
from tuning.slurm.states import final_state
from tuning.ssh.file_listing import OutputFile, OutputListing, parse_files
from worker.driver import Driver
from worker.finish.carry_over import ended_attempt
from worker.finish.data_check import end_check
from worker.finish.failure import advice_for, failure_json, masked
from worker.finish.faulty_node import faulty_node, note_faulty_node
from worker.finish.next_status import DIVERGED, NextStep, next_step
from worker.finish.recheck_times import next_recheck
from worker.finish.served_model import end_server
from worker.finish.use import use_counted
from worker.observe.evidence import data_sums_text, listing_text, result_texts, resumed_text, started_text
from worker.observe.judgement import Ended
from worker.observe.set_aside import note_set_aside

log = logging.getLogger(__name__)

LOG_BYTES = 32 * 1024


@dataclass(frozen=True)
class _EndedRun:
    """An ended run: its files, and the next status that follows from them."""

    files: tuple[OutputFile, ...]
    outcome: Outcome
    following: NextStep


def finish(
    session: Session, driver: Driver, live: LiveAttempt, judgement: Ended, contents: Mapping[str, bytes]
) -> None:
    """Judge a run that has ended, and move its job to its last status or to its next attempt."""
    job, attempt = session.get_one(Job, live.job_id), session.get_one(Attempt, (live.job_id, live.number))
    found = _judged(session, driver, live, judgement, contents)
    following = found.following
    node = faulty_node(job, attempt, judgement, found.outcome)
    finished_at = max(judgement.finished_at, job.started_at or judgement.finished_at)
    with use_counted(session, driver, job, attempt):
        _write_down(session, driver, live, judgement, found)
        if node:
            note_faulty_node(session, driver, job, node, found.outcome)
        if _is_in_doubt(job, judgement, following) or _awaits_word(driver, attempt, following):
            attempt.recheck_at = next_recheck(driver.now(), driver.now())
        transition(session, job, following.status, following.reason, driver.now(), at=finished_at)
    action = {"action": f"job_{following.status}", "job_id": job.id, "reason": following.reason}
    log.info("%s %s", job.id, following.status, extra=action)


def judge_again(
    session: Session, driver: Driver, live: LiveAttempt, judgement: Ended, contents: Mapping[str, bytes]
) -> None:
    """Set an end right that was in doubt: as a success, or by the reason that its own record gives."""
    job, attempt = session.get_one(Job, live.job_id), session.get_one(Attempt, (live.job_id, live.number))
    found = _judged(session, driver, live, judgement, contents)
    if found.following.status is JobStatus.SUCCEEDED:
        finished_at = min(judgement.finished_at, job.finished_at or judgement.finished_at)
        job.failure, attempt.recheck_at = None, None
        _write_down(session, driver, live, replace(judgement, finished_at=finished_at), found)
        correct(session, job, JobStatus.SUCCEEDED, found.following.reason, driver.now(), at=finished_at)
    elif _is_explained_otherwise(job, found.following):
        job.status_reason = found.following.reason
        _write_down(
            session, driver, live, replace(judgement, finished_at=job.finished_at or judgement.finished_at), found
        )
        record_event(session, job.id, "job.corrected", f"why it failed: {found.following.reason}", driver.now())
        touch(job, driver.now())


def _is_explained_otherwise(job: Job, following: NextStep) -> bool:
    """Whether it failed all the same, for a reason that was not known before."""
    told = (job.failure or {}).get("code")
    failure = following.failure
    return job.status is following.status is JobStatus.FAILED and failure is not None and failure.code != told


def _judged(
    session: Session, driver: Driver, live: LiveAttempt, judgement: Ended, contents: Mapping[str, bytes]
) -> _EndedRun:
    job, attempt = session.get_one(Job, live.job_id), session.get_one(Attempt, (live.job_id, live.number))
    listing = parse_files(listing_text(driver.settings.root, live.job_id, live.number, contents))
    files = listing.files
    logs = {stream: _log_end(session, driver, job, live.number, stream) for stream in ("stderr", "stdout")}
    evidence = _evidence(driver, live, judgement, contents, files, logs)
    if job.kind == CHECK:
        judged = end_check(session, driver.settings.root, live, evidence, contents, driver.now())
    elif job.kind == SERVE:
        judged = end_server(session, driver, job, attempt, evidence)
    else:
        kind = cast(Kind, job.kind)
        judged = judge(replace(evidence, kind=kind, evaluates_only=evaluates_only(job.config)))
    _note_what_is_set_aside(session, driver, live, listing, contents)
    _record_data(job, parse_data_sums(data_sums_text(driver.settings.root, live.job_id, live.number, contents)))
    attempt.resumed_step = parse_resumed(resumed_text(driver.settings.root, live.job_id, live.number, contents)) or 0
    node = faulty_node(job, attempt, judgement, judged)
    ended = replace(
        ended_attempt(session, attempt, judgement, files), has_node_fault=node is not None, node=node or None
    )
    return _EndedRun(files, judged, next_step(job, judgement, judged, ended))


def _record_data(job: Job, sums: tuple[str, ...]) -> None:
    """Beside the hashes of uploads, which are known before."""
    if sums:
        record = job.record or {}
        known = [*(record.get("dataset_sha256s") or ()), *sums]
        job.record = {**record, "dataset_sha256s": list(dict.fromkeys(known))}


def _write_down(session: Session, driver: Driver, live: LiveAttempt, judgement: Ended, found: _EndedRun) -> None:
    job, attempt = session.get_one(Job, live.job_id), session.get_one(Attempt, (live.job_id, live.number))
    if found.files or found.following.status in ENDED:
        _keep_files(session, live.job_id, found.files)
    if job.kind == "train":
        whole = whole_steps(file.path for file in found.files if file.size_bytes)
        tell_saved(session, job.id, whole, driver.now())
    _close_attempt(attempt, judgement, found.following)
    # what it was while it ran is not what it is: Slurm may not have said yet that it has ended
    job.slurm_state = final_state(judgement.slurm_state) or final_state(job.slurm_state)
    if found.following.status in ENDED:
        _tell_outcome(session, driver, job, found.outcome, found.following)
    _ask_removals(session, job, live.number, found.files, found.following.status, driver.now())


def _is_in_doubt(job: Job, judgement: Ended, following: NextStep) -> bool:
    """Whether a witness may still come: no record of its end was seen, or not what a good end must have left."""
    if job.kind == CHECK or job.cancel_requested_at is not None:
        return False
    is_bad = following.status in (JobStatus.FAILED, JobStatus.CANCELLED)
    return is_bad and (judgement.exit_record is None or judgement.exit_code == 0)


def _awaits_word(driver: Driver, attempt: Attempt, following: NextStep) -> bool:
    """Whether accounting will say by which state it ended, which nobody has said yet."""
    return following.status in ENDED and attempt.slurm_state is None and driver.settings.accounting


def _tell_outcome(session: Session, driver: Driver, job: Job, judged: Outcome, following: NextStep) -> None:
    job.result = _with_earlier_runtime(session, job, judged.result) or None
    if judged.last_loss is not None:
        job.loss = judged.last_loss
    if following.failure is not None:
        job.failure = failure_json(session, driver, job, following.failure)
    if following.status is JobStatus.SUCCEEDED and judged.diverged:
        _warn_of_divergence(session, driver, job)


def _with_earlier_runtime(session: Session, job: Job, result: Mapping[str, float]) -> dict[str, Any]:
    """LLaMA-Factory's runtime is that of the last process; those before count as far as their lines say."""
    attempt = session.get_one(Attempt, (job.id, job.attempt))
    before = from_json(dict(attempt.eta_state) if attempt.eta_state else None).elapsed_before
    runtime = result.get("runtime_seconds")
    if job.kind != "train" or runtime is None or not before:
        return dict(result)
    return {**result, "runtime_seconds": runtime + before}


def _log_end(session: Session, driver: Driver, job: Job, number: int, stream: str) -> str:
    text = log_end(session, job.id, number, stream, LOG_BYTES).decode("utf-8", "replace")
    return masked(session, driver, job, text)


def _warn_of_divergence(session: Session, driver: Driver, job: Job) -> None:
    """Beside a success (tuning.llamafactory.outcome.end says why it is one): in `result`, and as an event."""
    advice = advice_for(session, driver, job, "diverged")
    job.result = {**(job.result or {}), "diverged": True}
    message = f"{DIVERGED[0].upper()}{DIVERGED[1:]}"
    data = {"code": "diverged", "hint": advice.hint, "retry": advice.retry}
    record_event(session, job.id, "warning", message, driver.now(), data)


def _note_what_is_set_aside(
    session: Session, driver: Driver, live: LiveAttempt, listing: OutputListing, contents: Mapping[str, bytes]
) -> None:
    root, its = driver.settings.root, (live.job_id, live.number)
    notes = dict(doubts(result_texts(root, live.job_id, contents)))
    if listing.set_aside:
        notes["files"] = f"{listing.set_aside} entries name no file of a run, or one a second time"
    for name, text, parse in (
        ("started", started_text(root, *its, contents), parse_started),
        ("resumed", resumed_text(root, *its, contents), parse_resumed),
    ):
        if text and parse(text) is None:
            notes[name] = "it is no record of a batch script"
    for name, why in notes.items():
        note_set_aside(session, *its, name, why, driver.now())


def _evidence(
    driver: Driver,
    live: LiveAttempt,
    judgement: Ended,
    contents: Mapping[str, bytes],
    files: tuple[OutputFile, ...],
    logs: Mapping[str, str],
) -> RunEvidence:
    texts = result_texts(driver.settings.root, live.job_id, contents)
    record = judgement.exit_record
    started = parse_started(started_text(driver.settings.root, live.job_id, live.number, contents))
    by_node = started.epoch if started else live.submitted_at.timestamp()
    by_look = judgement.look.started_epoch if judgement.look else None
    by_files = record.files_since_epoch if record and record.files_since_epoch is not None else by_look
    return RunEvidence(
        exit_code=judgement.exit_code,
        started_at_seconds=by_node if by_files is None else by_files,
        files=tuple(end.OutputFile(file.path, file.size_bytes, file.modified_epoch) for file in files),
        trainer_state=texts.get("trainer_state.json"),
        train_results=texts.get("train_results.json"),
        all_results=texts.get("all_results.json"),
        predict_results=texts.get("predict_results.json"),
        eval_results=texts.get("eval_results.json"),
        stderr_tail=logs["stderr"],
        stdout_tail=logs["stdout"],
        slurm=judgement.word,
    )


def _ask_removals(
    session: Session, job: Job, number: int, files: tuple[OutputFile, ...], status: JobStatus, now: datetime
) -> None:
    """A run that was killed could not remove its secrets; and of a success only so many checkpoints are to stay.

    Those that are pinned, or that an alias means, stay beside them.
    """
    if job.secrets or job.kind == SERVE:
        ask_removal(session, job.id, secrets_path(number), now)
    if status is JobStatus.SUCCEEDED and job.keep_checkpoints is not None:
        steps = steps_among(file.path for file in files) - spared_steps(session, job.id)
        for step in surplus(steps, job.keep_checkpoints):
            ask_removal(session, job.id, checkpoint_path(step), now)


def _close_attempt(attempt: Attempt, judgement: Ended, following: NextStep) -> None:
    attempt.finished_at, attempt.ended_by = judgement.finished_at, following.ended_by
    attempt.slurm_state = final_state(judgement.slurm_state) or final_state(attempt.slurm_state)
    attempt.exit_code = judgement.exit_code
    attempt.nodes = attempt.nodes or judgement.nodes


def _keep_files(session: Session, job_id: str, files: tuple[OutputFile, ...]) -> None:
    session.execute(delete(Artifact).where(Artifact.job_id == job_id))
    rows = [
        {"job_id": job_id, "path": file.path, "size_bytes": file.size_bytes, "modified_at": modified}
        for file in files
        if (modified := moment(file.modified_epoch)) is not None
    ]
    if rows:  # on the connection: of 20,000 files the ORM's own way takes seconds
        session.connection().execute(insert(Artifact), rows)
