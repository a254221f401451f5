"""Ask once about all jobs that Slurm has, and write down what has changed.

Two remote commands a cycle, a third only when somebody has vanished from the queue. docs/decisions/0001-shape.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from tuning.errors import SiteState, SlurmUnavailable
from tuning.jobs.live import LiveAttempt, live_attempts
from tuning.jobs.paths import attempt_directory, output_directory, slurm_job_name
from tuning.jobs.status import JobStatus
from tuning.jobs.troubles import Step, Subject
from tuning.slurm.cluster import AccountedJob, Observation, QueuedJob, ReadAnswer, ReadRequest
from tuning.slurm.records import ExitRecord, parse_exit
from tuning.slurm.states import Phase, meaning_of
from worker.drive import Drive
from worker.evidence import evidence_requests
from worker.ledger import Answers, Ledger
from worker.quarantine import Quarantine
from worker.refused import tell_refused
from worker.settle import CLOCKS_DIFFER_SECONDS
from worker.tail import plan_reads, stream_paths
from worker.verdict import Seen, decide

CHUNK = 100
"""So many jobs are written in one transaction: the database is never held for long."""
RECORD_BYTES = 4096


def watch(drive: Drive) -> frozenset[str]:
    """One look at every live job; returns the ids of the running ones of which a file was seen.

    Raises ClusterError when the cluster could not be asked.
    """
    with drive.load() as session:
        attempts = live_attempts(session, drive.settings.name)
    if not attempts:
        return frozenset()
    quarantine = Quarantine(drive, Step.WATCH, _subject)
    quarantine.forget_all_but(attempts)
    attempts = [own for _, own in quarantine.each(quarantine.due(attempts), partial(_by_own_clock, drive))]
    if not attempts:
        return frozenset()
    drive.check()
    answers = _ask(drive, attempts, quarantine)
    if not answers.observation.has_root:
        attempts = [one for one in attempts if _goes_on(_own(one, answers.observation.queue or {}))]
    _write_down(drive, quarantine, attempts, answers)
    if answers.refused:
        quarantine.together(quarantine.due(attempts), lambda part: tell_refused(drive, part, answers.refused))
    if answers.observation.queue is None:
        raise SlurmUnavailable(answers.observation.queue_error or "squeue gave no answer")
    if not answers.observation.has_root:
        raise SiteState(
            f"the folder {drive.settings.root}/jobs is away on the cluster: ends are judged when it is back"
        )
    root, seen = drive.settings.root, answers.observation.files
    running = [one for one in attempts if one.status is JobStatus.RUNNING]
    return frozenset(one.job_id for one in running if any(path in seen for path in _watched_files(root, [one])))


def _by_own_clock(drive: Drive, one: LiveAttempt) -> LiveAttempt:
    """Missing for as long as this worker has watched that: the time in its row is of a clock that may have jumped."""
    key = ("missing", one.job_id, one.number)
    if one.missing_since is None:
        drive.ages.restart(key)
        return one
    return replace(one, missing_since=drive.now() - drive.ages.of(key))


def _subject(attempt: LiveAttempt) -> Subject:
    return Subject.job(attempt.job_id)


def _write_down(
    drive: Drive, quarantine: Quarantine[LiveAttempt], attempts: Sequence[LiveAttempt], answers: Answers
) -> None:
    ledger = Ledger(drive, answers)
    decided = quarantine.each(quarantine.due(attempts), lambda one: decide(one, _seen(drive, one, answers)))
    verdicts = {one.job_id: verdict for one, verdict in decided}
    sound = [one for one, _ in decided]
    for start in range(0, len(sound), CHUNK):
        chunk = sound[start : start + CHUNK]
        written = quarantine.together(chunk, lambda part: ledger.write([(one, verdicts[one.job_id]) for one in part]))
        quarantine.succeeded(written)


def _ask(drive: Drive, attempts: Sequence[LiveAttempt], quarantine: Quarantine[LiveAttempt]) -> Answers:
    """What the cluster says of them; what fails at one is left out, as that one then is for this cycle."""
    root, gather = drive.settings.root, quarantine.gather
    ending = [one for one in attempts if one.missing_since is not None]
    watched, ends = gather(attempts, partial(_watched_files, root)), gather(ending, partial(_ends, root))
    observation = drive.cluster.observe(watched, ends)
    reads = gather(attempts, lambda part: plan_reads(root, part, observation.files))
    ended = [one for one in attempts if _exit_path(root, one) in observation.files]
    requests = [read.request for read in reads]
    requests += gather(ended, lambda part: [request for one in part for request in _end_requests(root, one)])
    answer = drive.cluster.read(requests) if requests else ReadAnswer({})
    contents, refused = answer.contents, observation.refused | answer.refused
    parsed = quarantine.each(ended, lambda one: parse_exit(contents.get(_exit_path(root, one), b"")))
    records = {
        one.job_id: record for one, record in parsed if record is not None and record.slurm_job_id == one.slurm_job_id
    }
    unreadable = frozenset(
        one.job_id for one, record in parsed if contents.get(_exit_path(root, one)) and record is None
    )
    accounted = _account(drive, quarantine, attempts, observation, records)
    grown = frozenset(read.job_id for read in reads)
    ahead = observation.clock_epoch - drive.now().timestamp()
    return Answers(observation, reads, contents, records, accounted, grown, ahead, refused, unreadable)


def _goes_on(queued: QueuedJob | None) -> bool:
    meaning = meaning_of(queued.state) if queued is not None else None
    return meaning is not None and meaning.phase is not Phase.ENDED


def _watched_files(root: str, attempts: Iterable[LiveAttempt]) -> list[str]:
    paths = [_exit_path(root, one) for one in attempts]
    for one in attempts:
        if one.status is JobStatus.RUNNING:
            paths += stream_paths(root, one.job_id, one.number).values()
    return paths


def _ends(root: str, attempts: Iterable[LiveAttempt]) -> list[str]:
    """What tells of the end of runs that Slurm no longer has: a network file system may show it late."""
    paths = [
        path
        for one in attempts
        for path in (attempt_directory(root, one.job_id, one.number), output_directory(root, one.job_id))
    ]
    return paths + _watched_files(root, attempts)


def _exit_path(root: str, attempt: LiveAttempt) -> str:
    return f"{attempt_directory(root, attempt.job_id, attempt.number)}/exit"


def _end_requests(root: str, attempt: LiveAttempt) -> list[ReadRequest]:
    exit_request = ReadRequest(_exit_path(root, attempt), 0, RECORD_BYTES)
    return [exit_request, *evidence_requests(root, attempt.job_id, attempt.number)]


def _account(
    drive: Drive,
    quarantine: Quarantine[LiveAttempt],
    attempts: Sequence[LiveAttempt],
    observation: Observation,
    records: Mapping[str, ExitRecord],
) -> Mapping[str, AccountedJob]:
    queue = observation.queue
    if queue is None or not drive.settings.accounting:
        return {}
    gone = quarantine.gather(
        attempts,
        lambda part: [one for one in part if _own(one, queue) is None and _is_unexplained(records.get(one.job_id))],
    )
    if not gone:
        return {}
    oldest = drive.now() - min(one.submitted_at for one in gone)
    try:
        since = max(0.0, oldest.total_seconds()) + CLOCKS_DIFFER_SECONDS
        found = drive.cluster.account([one.slurm_job_id for one in gone], since)
    except SlurmUnavailable:
        return {}  # accounting may be off, slow or purged: the other witnesses decide
    named = {one.job_id: found.get((one.slurm_job_id, _slurm_name(one))) for one in gone}
    return {job_id: accounted for job_id, accounted in named.items() if accounted is not None}


def _is_unexplained(record: ExitRecord | None) -> bool:
    """Whether only Slurm can say what became of a run: a bad exit may have been its time limit, or a preemption."""
    return record is None or record.exit_code != 0


def _own(attempt: LiveAttempt, queue: Mapping[int, QueuedJob]) -> QueuedJob | None:
    """The job of an attempt, and not another one that was given its number by a controller that began anew."""
    found = queue.get(attempt.slurm_job_id)
    if found is None or (found.name != _slurm_name(attempt) and not found.comment.endswith(f":{attempt.token}")):
        return None
    return found


def _slurm_name(attempt: LiveAttempt) -> str:
    return slurm_job_name(attempt.job_id, attempt.number, attempt.token)


def _seen(drive: Drive, attempt: LiveAttempt, answers: Answers) -> Seen:
    queue = answers.observation.queue
    return Seen(
        now=drive.now(),
        queue_answered=queue is not None,
        queued=_own(attempt, queue) if queue else None,
        accounted=answers.accounted.get(attempt.job_id),
        exit_record=answers.records.get(attempt.job_id),
        has_grown=attempt.job_id in answers.grown,
        clock_ahead_seconds=answers.clock_ahead_seconds,
    )
