"""A check of data that lies on a cluster: the row of the data set, and the job that reads it, made together."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy.orm import Session

from tuning.datasets import on_cluster
from tuning.datasets.models import Dataset
from tuning.datasets.on_cluster import Whereabouts
from tuning.datasets.service import get
from tuning.datasets.status import DatasetStatus
from tuning.errors import Conflict, Finding, InvalidInput, NotAllowed
from tuning.ids import new_id
from tuning.jobs.actions.control import cancel_job
from tuning.jobs.actions.create import Asker, first_events, known_job
from tuning.jobs.attempt.check_plan import resolve_places
from tuning.jobs.data_check.spec import ClusterDataset, resources_alone
from tuning.jobs.models import Job
from tuning.jobs.queries import requests
from tuning.jobs.request.resources import ClusterView, check_resources, complete_resources, measures
from tuning.jobs.request.spec import JobRequest, Resources
from tuning.jobs.status import JobStatus
from tuning.llamafactory.kinds import CHECK
from tuning.people.tokens import Principal
from tuning.settings import ClusterSettings

SMALL = Resources(nodes=1, gpus_per_node=0, cpus_per_gpu=1, memory="4G")
"""What a check asks for, beside the cluster's partition, account, QOS and time limit. It reads at constant memory: a
Parquet file's reader is held to 1 GiB, and the longest row to 16 MiB."""


@dataclass(frozen=True)
class CheckSite:
    """Cluster on which a check is to run, and the resources that it asks for."""

    cluster: ClusterSettings
    view: ClusterView
    resources: Resources = SMALL


@dataclass(frozen=True)
class CheckSites:
    """The clusters that data may lie on, by name, and what is known of each."""

    clusters: Mapping[str, ClusterSettings]
    view_of: Callable[[str], ClusterView]


def check_dataset(
    session: Session, wanted: ClusterDataset, sites: CheckSites, user: Principal, now: datetime
) -> Dataset:
    """A data set that is being checked. Raises InvalidInput."""
    cluster = _cluster(wanted.cluster, sites.clusters)
    named = wanted.model_dump(include={"cluster_path", "tokenizer", "format", "purpose", "entry"}, exclude_none=True)
    config = resolve_places(named, cluster)
    path = config["cluster_path"]
    name = wanted.name or PurePosixPath(path).stem or "data"
    where = Whereabouts(cluster.name, path)
    dataset = on_cluster.announce(session, name=name, owner_id=user.user_id, where=where, now=now)
    site = CheckSite(cluster, sites.view_of(cluster.name))
    job, _ = make_check(
        session, {"dataset": dataset.id, **config}, site, Asker(user.user_id, team_id=user.default_team_id), now
    )
    dataset.check_job = job.id
    session.flush()
    return dataset


@dataclass(frozen=True)
class Retry:
    """A check that has ended, and what its next one is to have otherwise."""

    job: Job
    changes: JobRequest
    idempotency_key: str | None


def check_again(session: Session, retry: Retry, sites: CheckSites, user: Principal, now: datetime) -> tuple[Job, bool]:
    """A check in place of an ended one, and whether it is new. Raises NotAllowed, Conflict, InvalidInput."""
    job, asked = retry.job, resources_alone(retry.changes)
    dataset_id = job.config["dataset"]
    if not user.may_change(get(session, dataset_id).owner_id):
        raise NotAllowed("only its owner or an administrator may have a data set checked")
    cluster = sites.clusters.get(job.cluster)
    if cluster is None:
        raise Conflict(f"the cluster {job.cluster} is no longer in the settings")
    site = CheckSite(cluster, sites.view_of(cluster.name), Resources.model_validate({**job.resources, **asked}))
    made, is_new = make_check(
        session, job.config, site, Asker(user.user_id, retry.idempotency_key, job.id, job.team_id), now
    )
    if is_new:
        on_cluster.check_again(session, dataset_id, made.id)
    return made, is_new


def stop_check(session: Session, dataset_id: str, user: Principal, now: datetime) -> None:
    """Cancel the check of a data set, if it has one. Raises NotFound; Conflict when it has ended at this moment."""
    dataset = get(session, dataset_id)
    if dataset.status is DatasetStatus.CHECKING and dataset.check_job and user.may_change(dataset.owner_id):
        cancel_job(session, dataset.check_job, user.name, now)


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


def _cluster(name: str | None, clusters: Mapping[str, ClusterSettings]) -> ClusterSettings:
    found = clusters.get(name) if name is not None else next(iter(clusters.values()), None)
    if found is None:
        message = f"there is no cluster {name}" if name is not None else "there is no cluster"
        known = ", ".join(sorted(clusters)) or "none yet: the server's clusters file is empty"
        raise InvalidInput([Finding(("cluster",), message, f"the clusters are: {known}")])
    return found


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
        "team_id": asker.team_id,
        "job_class": "normal",
        "cluster": resources["cluster"],
        "priority": 0,
        "config": dict(config),
        "resources": dict(resources),
        **measures(resources),
        "queued_at": now,
        "idempotency_key": asker.idempotency_key,
        "retry_of": asker.retry_of,
        "version": 1,
        "attempt": 0,
        "created_at": now,
        "updated_at": now,
    }


def _sha256(content: list[Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
