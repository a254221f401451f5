"""Checks of data that lies on a cluster: jobs that the server makes, for a data set and not for a request."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from tuning.errors import Conflict, InvalidInput
from tuning.ids import new_id
from tuning.jobs.actions.create import Asker, first_events, known_job
from tuning.jobs.attempt.check_plan import resolve_places
from tuning.jobs.models import Job
from tuning.jobs.queries import requests
from tuning.jobs.request.resources import ClusterView, check_resources, complete_resources
from tuning.jobs.request.spec import Resources
from tuning.jobs.status import JobStatus
from tuning.llamafactory.kinds import CHECK
from tuning.settings import ClusterSettings

SMALL = Resources(nodes=1, gpus_per_node=0, cpus_per_gpu=1, memory="4G")
"""What a check asks for, beside the cluster's partition, account, QOS and time limit. It reads at constant memory: a
Parquet file's reader is held to 1 GiB, and the longest row to 16 MiB."""


@dataclass(frozen=True)
class CheckSite:
    """Where a check is to run."""

    cluster: ClusterSettings
    view: ClusterView
    resources: Resources = SMALL


def make_check(
    session: Session, config: Mapping[str, Any], site: CheckSite, asker: Asker, now: datetime
) -> tuple[Job, bool]:
    """The job, and whether it is new. Raises InvalidInput for a path or a tokenizer that is not allowed.

    `config`: dataset (its id) and cluster_path; tokenizer, format and purpose where they were named.
    """
    sha256 = _sha256([asker.retry_of, dict(config), site.resources.model_dump()])
    if asker.idempotency_key is not None and (known := known_job(session, asker, sha256)):
        return known, False
    row = _row(resolve_places(config, site.cluster), _resources(site), asker, now)
    job = requests.insert_job(session, {**row, "request_sha256": sha256})
    if job is None:  # the same key at the same moment: the other request was first
        raise Conflict("this key is being used by another request", hint="try again")
    requests.insert_belongings(session, job, {}, (), first_events(job.status, now))
    return job, True


def _resources(site: CheckSite) -> dict[str, Any]:
    completed = complete_resources(site.resources, site.cluster, site.view)
    if findings := check_resources(completed, site.view):
        raise InvalidInput(findings)
    return completed.model_dump()


def _row(config: Mapping[str, Any], resources: Mapping[str, Any], asker: Asker, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id("job"),
        "name": f"check of {config['cluster_path']}"[:200],
        "kind": CHECK,
        "status": JobStatus.QUEUED,
        "owner_id": asker.user_id,
        "cluster": resources["cluster"],
        "priority": 0,
        "config": dict(config),
        "resources": dict(resources),
        "idempotency_key": asker.idempotency_key,
        "retry_of": asker.retry_of,
        "version": 1,
        "attempt": 0,
        "created_at": now,
        "updated_at": now,
    }


def _sha256(content: list[Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
