"""Doubts about the start that a trial is promised: jobs of the same place that Slurm lets wait for a limit.

`sbatch --test-only` does not look at limits of accounts and QOS (slurmctld, job_start_data); the queue shows them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.clusters.trials import TrialAnswer
from tuning.jobs.models import Job
from tuning.jobs.request.resources import world_size
from tuning.jobs.status import JobStatus
from tuning.slurm.pending_reasons import meaning_of_reason

_MOST_LOOKED_AT = 500
_PLACE = ("partition", "account", "qos")
_GPUS = re.compile(r"^#SBATCH --(?:gres=gpu:|gpus-per-node=)(?:[^:\s]+:)?([0-9]{1,6})$", re.MULTILINE)


@dataclass(frozen=True)
class WaitingJob:
    """A job that Slurm has in its queue, and the reason that it gives."""

    job_id: str
    resources: Mapping[str, Any]
    reason: str


def waiting_jobs(session: Session, cluster: str) -> list[WaitingJob]:
    """The pending jobs of a cluster that Slurm gives a reason for, the oldest first."""
    own = (Job.cluster == cluster, Job.status == JobStatus.PENDING, Job.slurm_reason.is_not(None))
    rows = session.execute(select(Job.id, Job.resources, Job.slurm_reason).where(*own).order_by(Job.created_at))
    return [
        WaitingJob(job_id, resources, reason or "") for job_id, resources, reason in rows.fetchmany(_MOST_LOOKED_AT)
    ]


def doubt(script: str, waiting: Iterable[WaitingJob]) -> TrialAnswer | None:
    """Doubt about the start of a job with these #SBATCH lines, by the first job that waits like it, if any."""
    place, gpus = [_option(script, name) for name in _PLACE], _gpus(script)
    for job in waiting:
        meaning = meaning_of_reason(job.reason)
        if meaning is None or [job.resources.get(name) or None for name in _PLACE] != place:
            continue
        if meaning.is_of_all or (meaning.is_of_size and gpus >= world_size(job.resources)):
            words = f"a job of the same partition, account and QOS waits ({job.reason}): {meaning.words}"
            return TrialAnswer(refusal=words, hint="so this one would not start now either")
    return None


def _option(script: str, name: str) -> str | None:
    found = re.search(rf"^#SBATCH --{name}=(\S+)$", script, re.MULTILINE)
    return found[1] if found else None


def _gpus(script: str) -> int:
    per_node = _GPUS.search(script)
    nodes = _option(script, "nodes") or "1"
    return world_size({"nodes": int(nodes), "gpus_per_node": int(per_node[1]) if per_node else 0})
