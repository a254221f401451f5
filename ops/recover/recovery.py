"""Recovery of a cluster's jobs: its folders and Slurm are asked, and what the database lacks is written there."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ops.recover.folders import JobFolder, read_folders
from ops.recover.judgement import RecoveredJob, Skipped, SlurmWord, is_unnamed, last_record, recovered
from ops.recover.rows import Surroundings, write_job
from tuning.clusters.models import ClusterRow, Installation
from tuning.errors import Conflict, InvalidInput, SiteState, SlurmUnavailable
from tuning.jobs.attempt.job_record import JobRecord
from tuning.jobs.layout import attempt_directory, dataset_path, slurm_job_name
from tuning.jobs.models import Attempt, Job
from tuning.people.audit import Actor, Change, record
from tuning.settings import ClusterSettings
from tuning.slurm.answers import AccountedJob, NamedJob, QueuedJob
from tuning.slurm.attempt_listing import ListedAttempt, list_attempts
from tuning.slurm.attempt_records import parse_owner
from tuning.slurm.cluster import Cluster, ReadRequest
from tuning.ssh.transport import Transport

JOBS_AT_ONCE = 500
"""Of a run of the command: the worker then reads what each of them left."""
_NAMES_AT_ONCE = 200
_CLOCKS_DIFFER_SECONDS = 3 * 3600
_OLDEST_SECONDS = 10 * 365 * 86400.0
_INSTALLATION = re.compile(r"inst_[0-9a-z]{1,27}")


@dataclass(frozen=True)
class Recovery:
    """Jobs that a look at the cluster found and that the database lacks."""

    jobs: Sequence[RecoveredJob]
    skipped: Sequence[Skipped]
    left: int
    """So many more jobs have folders: the next run takes them."""
    installation: str | None
    """Id of the packtrain whose root it is."""
    copies: Mapping[str, int] = field(default_factory=dict)
    """Bytes of the copies of their data sets that lie there, by path."""


def look(
    settings: ClusterSettings, transport: Transport, known: Collection[str], owner: str | None, now: datetime
) -> Recovery:
    """Ask the cluster; nothing is changed there. `known` are ids of jobs that the database has. Raises ClusterError."""
    cluster = Cluster(settings, transport)
    listed = list_attempts(transport, settings.root)
    wanted, left = _newest_jobs([each for each in listed if each.job_id not in known], JOBS_AT_ONCE)
    folders = read_folders(cluster, settings.root, wanted)
    queue = _queue(cluster, settings.root)
    records, skipped = _records(folders, owner, queue, now)
    unnamed = [records[folder.job_id] for folder in folders if folder.job_id in records and is_unnamed(folder, queue)]
    submitted = _submitted(cluster, unnamed, now)
    slurm = SlurmWord(queue, submitted)
    judged = [recovered(each, records[each.job_id], slurm, now) for each in folders if each.job_id in records]
    gone = [job for job in judged if job.state == "ended"]
    slurm = SlurmWord(queue, submitted, _accounted(cluster, settings, gone, now))
    jobs = [recovered(each, records[each.job_id], slurm, now) for each in folders if each.job_id in records]
    copies = _copies(cluster, settings.root, records.values())
    return Recovery(jobs, skipped, left, _installation(cluster, settings.root), copies)


def require_undriven(session: Session, cluster: str, now: datetime) -> None:
    """Raises Conflict while a worker drives the cluster from this database."""
    row = session.get(ClusterRow, cluster)
    if row is not None and row.lease_expires_at is not None and row.lease_expires_at > now:
        raise Conflict(f"the worker {row.lease_owner} drives {cluster}", hint="stop it first, and start it afterwards")


def known_jobs(session: Session) -> frozenset[str]:
    """Ids of all jobs of the database."""
    return frozenset(session.scalars(select(Job.id)))


def settled(cluster: Cluster, root: str, found: Recovery) -> Recovery:
    """Take the claims of what never began, so that it never will by itself. 1 command. Raises ClusterError.

    Whoever has begun meanwhile, or of whom that cannot be told, is left to another run.
    """
    unbegun = {_folder(root, job): job for job in found.jobs if job.state == "never began"}
    taken = cluster.abandon(list(unbegun)) if unbegun else {}
    doubtful = {job.record.job_id for folder, job in unbegun.items() if not taken.get(folder)}
    skipped = [Skipped(job_id, "whether it has begun cannot be told just now: run this again") for job_id in doubtful]
    jobs = [job for job in found.jobs if job.record.job_id not in doubtful]
    return replace(found, jobs=jobs, skipped=[*found.skipped, *skipped])


def write(session: Session, found: Recovery, around: Surroundings) -> Recovery:
    """Write the rows of all jobs, in the caller's transaction; two that claim one submission are left out."""
    tokens = set(session.scalars(select(Attempt.token)))
    written, skipped = [], list(found.skipped)
    for job in found.jobs:
        own = {attempt.token for attempt in job.attempts}
        if own & tokens or len(own) < len(job.attempts):
            skipped.append(Skipped(job.record.job_id, "its folder is a copy of another one: it has the same token"))
            continue
        tokens |= own
        write_job(session, job, replace(around, copies=found.copies))
        written.append(job)
    _keep_installation(session, found.installation)
    return replace(found, jobs=written, skipped=skipped)


def record_recovered(session: Session, recovery: Recovery, actor: Actor, now: datetime) -> None:
    """Write an entry into the record of changes for each job whose rows were made again."""
    for job in recovery.jobs:
        after = {"name": job.record.name, "owner": job.record.owner, "state": job.state}
        record(session, actor, Change("job.recovered", "job", job.record.job_id, after=after), now)


def _keep_installation(session: Session, installation: str | None) -> None:
    """The root's owner is who this packtrain was: an empty database becomes its restored one."""
    if installation is not None and session.get(Installation, 1) is None:
        session.add(Installation(place=1, id=installation))


def _newest_jobs(listed: Sequence[ListedAttempt], most: int) -> tuple[list[ListedAttempt], int]:
    """The attempts of the newest jobs, and how many jobs more there are."""
    written: dict[str, float] = {}
    for each in listed:
        written[each.job_id] = max(written.get(each.job_id, 0.0), each.written_epoch or 0.0)
    newest = sorted(written, key=lambda job_id: (-written[job_id], job_id))[:most]
    return [each for each in listed if each.job_id in set(newest)], len(written) - len(newest)


def _queue(cluster: Cluster, root: str) -> Mapping[int, QueuedJob]:
    observation = cluster.observe([])
    if not observation.has_root:
        raise SiteState(f"the folder {root}/jobs is away on the cluster, or is not ours", hint="is its root right?")
    if observation.queue is None:
        raise SlurmUnavailable(observation.queue_error or "squeue gave no answer", hint="try again: nothing was done")
    return observation.queue


def _records(
    folders: Iterable[JobFolder], owner: str | None, queue: Mapping[int, QueuedJob], now: datetime
) -> tuple[dict[str, JobRecord], list[Skipped]]:
    records, skipped = {}, []
    for folder in folders:
        try:
            records[folder.job_id] = last_record(folder, owner, queue, now)
        except InvalidInput as error:
            skipped.append(Skipped(folder.job_id, str(error)))
    return records, skipped


def _submitted(cluster: Cluster, records: Sequence[JobRecord], now: datetime) -> dict[str, int]:
    """The Slurm jobs of attempts of which no folder and no queue tells, by token: by accounting's word."""
    found: dict[str, int] = {}
    for start in range(0, len(records), _NAMES_AT_ONCE):
        part = records[start : start + _NAMES_AT_ONCE]
        names = {each.token: slurm_job_name(each.job_id, each.attempt, each.token) for each in part}
        age = max((now - each.created_at).total_seconds() for each in part)
        answer = cluster.look_up(names, _since(age))
        found |= {token: min(ids) for token, ids in answer.items() if ids}
    return found


def _accounted(
    cluster: Cluster, settings: ClusterSettings, jobs: Sequence[RecoveredJob], now: datetime
) -> dict[NamedJob, AccountedJob]:
    found: dict[NamedJob, AccountedJob] = {}
    for start in range(0, len(jobs) if settings.accounting else 0, _NAMES_AT_ONCE):
        part = jobs[start : start + _NAMES_AT_ONCE]
        ids = [job.last.slurm_job_id for job in part if job.last.slurm_job_id is not None]
        age = max((now - job.last.submitted_at).total_seconds() for job in part)
        found |= cluster.examine(ids, _since(age), []).accounted
    return found


def _copies(cluster: Cluster, root: str, records: Iterable[JobRecord]) -> dict[str, int]:
    paths = {dataset_path(root, data.sha256, data.extension) for record in records for data in record.datasets}
    if not paths:
        return {}
    return {path: stat.size_bytes for path, stat in cluster.observe(sorted(paths)).files.items()}


def _since(age_seconds: float) -> float:
    return min(max(0.0, age_seconds) + _CLOCKS_DIFFER_SECONDS, _OLDEST_SECONDS)


def _installation(cluster: Cluster, root: str) -> str | None:
    path = f"{root}/owner"
    owner = parse_owner(cluster.read([ReadRequest(path, 0, 1000)]).contents.get(path, b""))
    return owner.installation if owner is not None and _INSTALLATION.fullmatch(owner.installation) else None


def _folder(root: str, job: RecoveredJob) -> str:
    return attempt_directory(root, job.record.job_id, job.last.number)
