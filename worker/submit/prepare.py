"""Claimed jobs with everything that Slurm is to be given of them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from tuning.datasets import repository as datasets
from tuning.ids import new_secret
from tuning.jobs.attempt.check_plan import CheckPlan
from tuning.jobs.attempt.inputs import plan_run
from tuning.jobs.attempt.plan import AttemptPlan, TrainingData, world_size
from tuning.jobs.layout import dataset_path, secret_file, slurm_comment, slurm_job_name
from tuning.jobs.models import Job
from tuning.jobs.queries.driver import NewAttempt
from tuning.jobs.queries.save_times import Saved, saved_by
from tuning.llamafactory.arguments.accepted import ArgumentSchema, load_schema
from tuning.llamafactory.config.schedule import plan_of
from tuning.llamafactory.progress.eta import EtaState, to_json
from tuning.settings import ClusterSettings
from tuning.slurm.cluster import Submission
from worker.submit.cluster_cache import Description, KnownCluster
from worker.submit.pauses import Place, place_of


@dataclass(frozen=True)
class Handover:
    """One attempt, ready to be claimed and submitted."""

    attempt: NewAttempt
    record: Mapping[str, Any]
    """The job's, from now on."""
    submission: Submission
    """As the cluster is given it."""
    resources: Mapping[str, Any]

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.attempt.job_id

    @property
    def place(self) -> Place:
        """Where in the cluster it is to run."""
        return place_of(self.job_id, self.resources)


@dataclass(frozen=True)
class Supplies:
    """What a batch of jobs needs beside its own rows."""

    uploads: Mapping[str, Sequence[TrainingData]]
    """By job id, in the job's order."""
    cluster: Description
    longest_saves: Mapping[Saved, float]
    """Seconds, of recent jobs of the cluster."""


def load_supplies(
    session: Session, known: KnownCluster, batch: Sequence[Job], needs: Mapping[str, Sequence[str]]
) -> Supplies:
    """What a batch of jobs needs, in a few queries; `needs` are their data sets (ids) by job id."""
    wanted = {job.id: needs.get(job.id, ()) for job in batch}
    ids = {one for its in wanted.values() for one in its}
    rows = datasets.by_ids(session, ids) if ids else {}
    data = {one: TrainingData(row.id, row.name, row.sha256, row.extension, row.entry) for one, row in rows.items()}
    models = known.settings.models
    saved = {saved for job in batch if job.kind == "train" and (saved := saved_by(job.config, models))}
    return Supplies(
        uploads={job_id: [data[one] for one in ids] for job_id, ids in wanted.items()},
        cluster=known.description(session),
        longest_saves=known.longest_saves(session, saved),
    )


def plan_handover(
    job: Job,
    cluster: ClusterSettings,
    supplies: Supplies,
    secrets: Mapping[str, str],
    learned: EtaState | None = None,
) -> Handover:
    """The next attempt and its files; what they are is kept with it, but for the secrets. Raises InvalidInput."""
    uploads = supplies.uploads.get(job.id, ())
    number, token = job.attempt + 1, new_secret()
    saved = saved_by(job.config, cluster.models)
    elsewhere = supplies.longest_saves.get(saved) if saved else None
    plan = plan_run(job, number, cluster, uploads, supplies.cluster.registered or {}, learned, elsewhere)
    schema = load_schema(cluster.llamafactory_version)
    record = _record(plan, supplies.cluster.image_digest, schema)
    eta_state = None
    if isinstance(plan, AttemptPlan):
        record |= _data_and_chance(plan, uploads, schema)
        course = plan_of(plan.config, world_size(job.resources))
        eta_state = to_json(replace(learned or EtaState(), plan=course))
    return Handover(
        attempt=NewAttempt(job.id, number, token, plan.script, plan.config_yaml, eta_state),
        record=record,
        submission=Submission(
            token=token,
            job_name=slurm_job_name(job.id, number, token),
            comment=slurm_comment(job.id, number, token),
            directory=plan.directory,
            files={**{secret_file(name): value.encode() for name, value in secrets.items()}, **plan.files},
            data=tuple(dataset_path("", one.sha256, one.extension).lstrip("/") for one in uploads),
        ),
        resources=job.resources,
    )


def _record(plan: AttemptPlan | CheckPlan, image_digest: str | None, schema: ArgumentSchema) -> dict[str, Any]:
    """What must be the same for the run to be the same."""
    return {
        "image_digest": image_digest,
        "llamafactory_version": schema.version,
        "config_sha256": hashlib.sha256(plan.config_yaml.encode()).hexdigest(),
        "script_sha256": hashlib.sha256(plan.script.encode()).hexdigest(),
    }


def _data_and_chance(plan: AttemptPlan, uploads: Sequence[TrainingData], schema: ArgumentSchema) -> dict[str, Any]:
    seed = plan.config.get("seed", schema.arguments["seed"].default)
    return {"dataset_sha256s": [data.sha256 for data in uploads], "seed": seed}
