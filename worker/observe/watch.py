"""Ask once about all jobs that Slurm has, and about ends that are in doubt; write down what has changed.

Two remote commands a cycle, a third only when something is missing of a job. docs/decisions/0001-shape.md.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from tuning.errors import SiteState, SlurmUnavailable
from tuning.jobs.layout import (
    attempt_directory,
    output_directory,
    record_path,
    slurm_comment,
    slurm_job_name,
    stream_paths,
)
from tuning.jobs.queries.driver import LiveAttempt, doubtful_attempts, live_attempts
from tuning.jobs.status import ON_CLUSTER, JobStatus
from tuning.jobs.troubles import Step, Subject
from tuning.slurm.attempt_records import ExitRecord, parse_exit
from tuning.slurm.cluster import (
    AccountedJob,
    AttemptLook,
    LookRequest,
    NamedJob,
    Observation,
    QueuedJob,
    ReadAnswer,
    ReadRequest,
)
from tuning.slurm.states import COMPLETING, Phase, meaning_of
from worker.driver import Driver
from worker.observe.evidence import evidence_requests, is_whole_listing
from worker.observe.judgement import MISSING_POLLS, Seen, decide, is_due, is_overdue, is_to_be_taken
from worker.observe.refused_files import tell_refused
from worker.observe.tail import plan_reads
from worker.observe.write import Answers, CycleWriter
from worker.quarantine import Quarantine
from worker.serving.readiness import note_ready, serving_paths, serving_requests, unready_servers
from worker.submit.recover import CLOCKS_DIFFER_SECONDS

CHUNK = 100
"""So many jobs are written in one transaction: the database is never held for long."""
RECORD_BYTES = 4096
MOST_LOOKS = 50
"""So many attempts are looked at more closely in one cycle; the others come with the next."""
MOST_DOUBTFUL = 20
"""So many ends are looked at again in one cycle."""


def watch(driver: Driver) -> frozenset[str]:
    """One look at every live job, and at ends in doubt; returns the ids of running ones of which a file was seen.

    Raises ClusterError when the cluster could not be asked.
    """
    with driver.load() as session:
        attempts = live_attempts(session, driver.settings.name)
        doubtful = doubtful_attempts(session, driver.settings.name, driver.now(), MOST_DOUBTFUL)
        unready = unready_servers(session, driver.settings.name)
    if not attempts and not doubtful:
        return frozenset()
    quarantine = Quarantine(driver, Step.WATCH, _subject)
    quarantine.forget_all_but([*attempts, *doubtful])
    driver.expected_checkpoints.keep_only(attempts)
    attempts = [own for _, own in quarantine.each(quarantine.due(attempts), partial(_by_own_clock, driver))]
    attempts += [_long_missing(live) for live in quarantine.due(doubtful)]
    if not attempts:
        return frozenset()
    driver.check()
    answers = _ask(driver, attempts, unready, quarantine)
    if not answers.observation.has_root:
        attempts = [live for live in attempts if _goes_on(answers.own.get(live.job_id))]
    _write_down(driver, quarantine, attempts, answers)
    loading = [live for live in quarantine.due(attempts) if live.job_id in unready]
    quarantine.together(loading, lambda part: note_ready(driver, part, answers.contents))
    if answers.refused:
        on_cluster = [live for live in quarantine.due(attempts) if live.status in ON_CLUSTER]
        quarantine.together(on_cluster, lambda part: tell_refused(driver, part, answers.refused))
    if answers.observation.queue is None:
        raise SlurmUnavailable(answers.observation.queue_error or "squeue gave no answer")
    if not answers.observation.has_root:
        raise SiteState(
            f"the folder {driver.settings.root}/jobs is away on the cluster: ends are judged when it is back"
        )
    root, seen = driver.settings.root, answers.observation.files
    running = [live for live in attempts if live.status is JobStatus.RUNNING]
    return frozenset(live.job_id for live in running if any(path in seen for path in _watched_files(root, [live])))


def _by_own_clock(driver: Driver, live: LiveAttempt) -> LiveAttempt:
    """Missing for as long as this worker has watched that: the time in its row is of a clock that may have jumped."""
    key = ("missing", live.job_id, live.number)
    if live.missing_since is None:
        driver.ages.restart(key)
        return live
    return replace(live, missing_since=driver.now() - driver.ages.of(key))


def _subject(attempt: LiveAttempt) -> Subject:
    return Subject.job(attempt.job_id)


def _write_down(
    driver: Driver, quarantine: Quarantine[LiveAttempt], attempts: Sequence[LiveAttempt], answers: Answers
) -> None:
    writer = CycleWriter(driver, answers)
    decided = quarantine.each(quarantine.due(attempts), lambda live: decide(live, _seen(driver, live, answers)))
    judgements = {live.job_id: judgement for live, judgement in decided}
    sound = [live for live, _ in decided]
    for start in range(0, len(sound), CHUNK):
        chunk = sound[start : start + CHUNK]
        written = quarantine.together(
            chunk, lambda part: writer.write([(live, judgements[live.job_id]) for live in part])
        )
        quarantine.succeeded(written)


def _long_missing(attempt: LiveAttempt) -> LiveAttempt:
    """An ended one: nothing is waited for any more."""
    return replace(attempt, missing_since=attempt.submitted_at, missing_polls=MISSING_POLLS)


def _ask(
    driver: Driver, attempts: Sequence[LiveAttempt], unready: Collection[str], quarantine: Quarantine[LiveAttempt]
) -> Answers:
    """Observations of jobs on the cluster; a job whose look fails is left out for this cycle."""
    root, gather = driver.settings.root, quarantine.gather
    ending = [live for live in attempts if live.missing_since is not None]
    watched, ends = gather(attempts, partial(_watched_files, root)), gather(ending, partial(_ends, root))
    watched += gather(attempts, partial(driver.expected_checkpoints.paths, root))
    watched += gather(attempts, partial(serving_paths, root, unready))
    observation = driver.cluster.observe(watched, ends)
    own = gather(attempts, lambda part: _own_jobs(part, observation))
    reads = gather(attempts, lambda part: plan_reads(root, part, observation.files))
    requests = [read.request for read in reads]
    requests += gather(attempts, partial(serving_requests, root, unready, observation.files))
    requests += gather(attempts, lambda part: _all_end_requests(driver, part, observation, own))
    answer = driver.cluster.read(requests) if requests else ReadAnswer({})
    refused = observation.refused | answer.refused
    records, unreadable = gather(attempts, lambda part: _records(root, part, answer.contents))
    grown = frozenset(read.job_id for read in reads)
    ahead = observation.clock_epoch - driver.now().timestamp()
    answers = Answers(observation, reads, answer.contents, own, records, {}, {}, grown, ahead, refused, unreadable)
    has_answers = observation.queue is not None and observation.has_root
    return _examined(driver, quarantine, attempts, answers) if has_answers else answers


def _watched_files(root: str, attempts: Iterable[LiveAttempt]) -> list[str]:
    paths = [_exit_path(root, live) for live in attempts]
    for live in attempts:
        if live.status is not JobStatus.PENDING:
            paths += stream_paths(root, live.job_id, live.number).values()
    return paths


def _ends(root: str, attempts: Iterable[LiveAttempt]) -> list[str]:
    """Paths that tell of the end of runs that Slurm no longer has: a network file system may show them late."""
    paths = [
        path
        for live in attempts
        for path in (attempt_directory(root, live.job_id, live.number), output_directory(root, live.job_id))
    ]
    return paths + _watched_files(root, attempts)


def _exit_path(root: str, attempt: LiveAttempt) -> str:
    return record_path(root, attempt.job_id, attempt.number, "exit")


def _all_end_requests(
    driver: Driver, attempts: Iterable[LiveAttempt], observation: Observation, own: Mapping[str, QueuedJob]
) -> list[ReadRequest]:
    return [ask for live in attempts for ask in _end_requests(driver, live, observation, own.get(live.job_id))]


def _end_requests(
    driver: Driver, attempt: LiveAttempt, observation: Observation, queued: QueuedJob | None
) -> list[ReadRequest]:
    """Files to read of an end. A run may write what it likes: while Slurm runs it, no more than the record is read."""
    root = driver.settings.root
    has_record = _exit_path(root, attempt) in observation.files
    record = [ReadRequest(_exit_path(root, attempt), 0, RECORD_BYTES)] if has_record else []
    if observation.queue is None or _goes_on(queued):
        return record
    if not has_record and not is_due(attempt, driver.now()):
        return []
    return [*record, *evidence_requests(root, attempt.job_id, attempt.number)]


def _goes_on(queued: QueuedJob | None) -> bool:
    """Whether Slurm has it, and not at its end."""
    meaning = meaning_of(queued.state) if queued else None
    is_over = queued is None or queued.state == COMPLETING or (meaning is not None and meaning.phase is Phase.ENDED)
    return not is_over


def _records(
    root: str, attempts: Iterable[LiveAttempt], contents: Mapping[str, bytes]
) -> tuple[dict[str, ExitRecord], frozenset[str]]:
    """By job id; and the ids of the jobs whose record is none."""
    texts = {live.job_id: contents.get(_exit_path(root, live), b"") for live in attempts}
    parsed = {job_id: parse_exit(text) for job_id, text in texts.items() if text}
    of_job = {live.job_id: live.slurm_job_id for live in attempts}
    records = {
        job_id: record
        for job_id, record in parsed.items()
        if record is not None and record.slurm_job_id == of_job[job_id]
    }
    return records, frozenset(job_id for job_id, record in parsed.items() if record is None)


def _examined(
    driver: Driver, quarantine: Quarantine[LiveAttempt], attempts: Sequence[LiveAttempt], answers: Answers
) -> Answers:
    """The answers with accounting's word on who has gone, and a closer look where something is missing."""
    judged = quarantine.each(attempts, lambda live: _is_to_be_looked_at(driver, live, answers))
    looked_at = [live for live, is_wanted in judged if is_wanted][:MOST_LOOKS]
    gone = _to_be_accounted(attempts, looked_at, answers) if driver.settings.accounting else []
    if not gone and not looked_at:
        return answers
    oldest = driver.now() - min((live.submitted_at for live in gone), default=driver.now())
    requests = [_look_request(driver, live, answers) for live in looked_at]
    since = max(0.0, oldest.total_seconds()) + CLOCKS_DIFFER_SECONDS
    found = driver.cluster.examine([live.slurm_job_id for live in gone], since, requests)
    accounted = {live.job_id: line for live in gone if (line := _accounted(live, found.accounted)) is not None}
    looks = {live.job_id: look for live, look in zip(looked_at, found.looks, strict=True) if look is not None}
    contents = {**answers.contents, **_listings(driver.settings.root, looked_at, looks)}
    return replace(answers, contents=contents, accounted=accounted, looks=looks)


def _to_be_accounted(
    attempts: Sequence[LiveAttempt], looked_at: Sequence[LiveAttempt], answers: Answers
) -> list[LiveAttempt]:
    """Attempts that squeue does not have, and ended ones that are in doubt: it says "CANCELLED", and not by whom."""
    gone = [live for live in attempts if live.job_id not in answers.own]
    return gone + [live for live in looked_at if live.job_id in answers.own]


def _is_to_be_looked_at(driver: Driver, attempt: LiveAttempt, answers: Answers) -> bool:
    if _goes_on(answers.own.get(attempt.job_id)) or attempt.job_id in answers.grown:
        return False
    if attempt.job_id not in answers.records:
        return is_due(attempt, driver.now())
    return not is_whole_listing(driver.settings.root, attempt.job_id, attempt.number, answers.contents)


def _look_request(driver: Driver, attempt: LiveAttempt, answers: Answers) -> LookRequest:
    root = driver.settings.root
    is_forgotten = attempt.job_id not in answers.own and attempt.job_id not in answers.records
    has_live_status, queued = attempt.status in ON_CLUSTER, answers.own.get(attempt.job_id)
    is_unbegun = attempt.job_id not in answers.records and is_to_be_taken(attempt, queued, driver.now())
    return LookRequest(
        attempt_directory(root, attempt.job_id, attempt.number),
        output_directory(root, attempt.job_id),
        takes_claim=has_live_status and (is_unbegun or (is_forgotten and is_overdue(attempt, driver.now()))),
    )


def _listings(root: str, attempts: Iterable[LiveAttempt], looks: Mapping[str, AttemptLook]) -> dict[str, bytes]:
    """Our own listings of output folders, in the place of those that runs did not leave."""
    found = ((live, looks.get(live.job_id)) for live in attempts)
    return {
        record_path(root, live.job_id, live.number, "files"): look.listing
        for live, look in found
        if look and look.listing
    }


def _own_jobs(attempts: Iterable[LiveAttempt], observation: Observation) -> dict[str, QueuedJob]:
    """The jobs of attempts by job id, and no others that a controller that began anew gave their numbers to."""
    queue = observation.queue or {}
    found = ((live, queue.get(live.slurm_job_id)) for live in attempts)
    return {live.job_id: queued for live, queued in found if queued is not None and _is_its(live, queued)}


def _is_its(attempt: LiveAttempt, queued: QueuedJob) -> bool:
    """By name or comment; not by token: after a restored database its Slurm job carries another one."""
    of_attempt = (attempt.job_id, attempt.number)
    return queued.name.startswith(slurm_job_name(*of_attempt, "")) or queued.comment.startswith(
        slurm_comment(*of_attempt, "")
    )


def _accounted(attempt: LiveAttempt, found: Mapping[NamedJob, AccountedJob]) -> AccountedJob | None:
    prefix = slurm_job_name(attempt.job_id, attempt.number, "")
    own = (line for (number, name), line in found.items() if number == attempt.slurm_job_id and name.startswith(prefix))
    return next(own, None)


def _seen(driver: Driver, attempt: LiveAttempt, answers: Answers) -> Seen:
    return Seen(
        now=driver.now(),
        queue_answered=answers.observation.queue is not None,
        queued=answers.own.get(attempt.job_id),
        accounted=answers.accounted.get(attempt.job_id),
        exit_record=answers.records.get(attempt.job_id),
        has_grown=attempt.job_id in answers.grown,
        clock_ahead_seconds=answers.clock_ahead_seconds,
        look=answers.looks.get(attempt.job_id),
    )
