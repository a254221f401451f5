"""Whether everything that was accepted is in Slurm once: asked of the cluster, not only of our own database."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.house import House
from tests.chaos.orders import Receipt
from tests.chaos.witness import UNDER_WAY, ClusterWitness, JobRow, SlurmJob

ACCOUNTING_SECONDS = 600.0
IMAGE_MISSING = 66
CLAIM_REFUSED = 75


@dataclass(frozen=True)
class Finding:
    """What the audit of one trial found."""

    complaints: list[str]
    jobs: int
    held_back: int
    """Slurm jobs beside the one that ran: cancelled before they began, or refused by the claim."""


def audit(house: House, prefix: str, receipts: Sequence[Receipt]) -> Finding:
    """Check every job of a trial."""
    jobs = house.database.jobs(prefix)
    complaints = [*check_receipts(receipts, jobs)]
    owned = _ended_slurm_jobs(house.cluster, [job.id for job in jobs])
    for job in jobs:
        complaints += check_job(job, owned[job.id], house.cluster.claims(job.id))
    return Finding(complaints, len(jobs), sum(max(0, len(own) - 1) for own in owned.values()))


def _ended_slurm_jobs(cluster: ClusterWitness, job_ids: Sequence[str]) -> dict[str, list[SlurmJob]]:
    """By job id. The job's own record is read before accounting has its end, and a double may still wait its turn."""
    deadline = time.monotonic() + ACCOUNTING_SECONDS
    while True:
        found = cluster.slurm_jobs("job_")
        owned = {job_id: [one for one in found if one.name.startswith(f"{job_id}-")] for job_id in job_ids}
        under_way = [one for own in owned.values() for one in own if one.state in UNDER_WAY]
        if not under_way or time.monotonic() > deadline:
            return owned
        time.sleep(0.2)


def check_receipts(receipts: Sequence[Receipt], jobs: Sequence[JobRow]) -> Iterator[str]:
    """What is wrong between what was answered and what the database has. Pure."""
    for receipt in receipts:
        name, rows = receipt.order.name, {job.id for job in jobs if job.name == receipt.order.name}
        if len(rows) > 1:
            yield f"{name} was made {len(rows)} times: {sorted(rows)}"
        if receipt.job_ids - rows:
            yield f"{name} was accepted as {sorted(receipt.job_ids)} and is lost: the database has {sorted(rows)}"


def check_job(job: JobRow, own: Sequence[SlurmJob], claims: Mapping[int, str]) -> Iterator[str]:
    """What is wrong with a job, its Slurm jobs and the owners of its attempts. Pure."""
    if job.status != "failed" or json.loads(job.failure or "{}").get("code") != "container":
        yield f"{job.id} ended as {job.status}, not at the missing image: {job.reason} {job.failure}"
    ran = [one for one in own if str(one.id) in claims.values()]
    if len(ran) != 1:
        yield f"{job.id} ran {len(ran)} times, of {own}; claims: {claims}"
    elif ran[0].id != job.slurm_job_id:
        yield f"{job.id} ran as {ran[0].id}, and the database says {job.slurm_job_id}"
    elif ran[0].exit_code != IMAGE_MISSING:
        yield f"{job.id} did not end at the missing image: {ran[0]}"
    for one in own:
        if one not in ran and one.has_started and one.exit_code != CLAIM_REFUSED:
            yield f"{job.id} had a double that began and was not refused: {one}"
