"""Job that serves a model: the live one, or a new one."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from tuning.db.engine import lock_event_order
from tuning.errors import Conflict, InvalidInput
from tuning.ids import new_id
from tuning.jobs.actions.create import Asker, first_events
from tuning.jobs.actions.intake import Surroundings
from tuning.jobs.models import Job
from tuning.jobs.queries import requests
from tuning.jobs.request.resources import check_resources, complete_resources, measures
from tuning.jobs.request.sources import to_json
from tuning.jobs.request.spec import Resources
from tuning.jobs.request.time_limit import format_seconds
from tuning.jobs.results.resolve import ModelRef
from tuning.jobs.serving.servers import FoundServer, ModelServer, find_newest, retire_ended
from tuning.jobs.status import JobStatus
from tuning.llamafactory.kinds import SERVE
from tuning.settings import ClusterSettings


def find_server(session: Session, ref: ModelRef) -> FoundServer | None:
    """The live server of a model, ready or on its way; None where it has to be started."""
    return find_newest(session, ref.cluster, ref.name)


def start_server(session: Session, ref: ModelRef, asker: Asker, around: Surroundings, now: datetime) -> Job:
    """The job that serves a model from now on: the live one, or a new one of whoever asks.

    However many ask at once, one is made. Raises InvalidInput with the findings of limits and resources, and Conflict
    for a model that cannot be served.
    """
    lock_event_order(session)
    retire_ended(session, ref.cluster, ref.name)  # a write: from here on the others wait, on SQLite too
    if known := find_server(session, ref):
        return known.job
    job = requests.insert_job(session, _row(ref, asker, around, now))
    if job is None:
        raise Conflict(f"{ref.name} is being started by another request", hint="try again")
    session.add(ModelServer(job_id=job.id, cluster=ref.cluster, model=ref.name, is_newest=True))
    requests.insert_belongings(session, job, {}, (), first_events(job.status, now))
    session.flush()
    return session.get_one(Job, job.id)


def _row(ref: ModelRef, asker: Asker, around: Surroundings, now: datetime) -> dict[str, Any]:
    """Raises InvalidInput, Conflict."""
    cluster, config = _cluster(ref, around), _config(ref)
    resources = _resources(cluster, around, asker)
    return {
        "id": new_id("job"),
        "name": f"serving {ref.name}"[:200],
        "kind": SERVE,
        "status": JobStatus.QUEUED,
        "owner_id": asker.user_id,
        "team_id": asker.team_id,
        "job_class": cluster.serve_class,
        "cluster": cluster.name,
        "priority": 0,
        "config": config,
        "source_job": ref.job_id,
        "source_checkpoint": ref.checkpoint,
        "source": to_json(ref.source) if ref.source else None,
        "resources": resources,
        **measures(resources),
        "queued_at": now,
        "request_sha256": _sha256([ref.name, config, resources]),
        "version": 1,
        "attempt": 0,
        "created_at": now,
        "updated_at": now,
    }


def _cluster(ref: ModelRef, around: Surroundings) -> ClusterSettings:
    if ref.may_serve is not None:
        raise Conflict(f"{ref.name} cannot be served: {ref.may_serve}")
    cluster = around.clusters.get(ref.cluster)
    if cluster is None:
        raise Conflict(f"the cluster {ref.cluster} of {ref.name} is no longer in the settings")
    return cluster


def _config(ref: ModelRef) -> dict[str, Any]:
    """As LLaMA-Factory's arguments; of a result, its source gives the paths."""
    named = {"model_name_or_path": ref.path if ref.source is None else None, "template": ref.template}
    return {name: value for name, value in named.items() if value is not None}


def _resources(cluster: ClusterSettings, around: Surroundings, asker: Asker) -> dict[str, Any]:
    asked = Resources(
        nodes=1,
        gpus_per_node=cluster.serve_gpus,
        memory=cluster.serve_memory,
        time_limit=format_seconds(cluster.serve_life_seconds),
    )
    view = around.view_of(cluster.name)
    completed = complete_resources(asked, cluster, view)
    findings = check_resources(completed, view, slurm_knows_gpus=cluster.gpu_request != "none")
    resources = completed.model_dump()
    # last: whoever else makes a job may have to wait from here on
    findings += around.limits(asker.team_id, cluster.serve_class, resources)
    if findings:
        raise InvalidInput(findings)
    return resources


def _sha256(content: list[str | Mapping[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
