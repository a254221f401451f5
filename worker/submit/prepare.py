"""Claimed jobs with everything that Slurm is to be given of them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from tuning.ids import new_secret
from tuning.jobs.attempt.check_plan import CheckPlan
from tuning.jobs.attempt.inputs import AttemptInputs, plan_next
from tuning.jobs.attempt.job_record import job_record
from tuning.jobs.attempt.plan import AttemptPlan, TrainingData
from tuning.jobs.attempt.serve_plan import KEY_SECRET, ServePlan
from tuning.jobs.layout import JOB_RECORD_FILE, dataset_path, secret_file, slurm_comment, slurm_job_name
from tuning.jobs.models import Job
from tuning.jobs.queries.driver import NewAttempt
from tuning.jobs.request.resources import world_size
from tuning.jobs.serving.keys import start_key
from tuning.llamafactory.arguments.accepted import ArgumentSchema, load_schema
from tuning.llamafactory.config.schedule import plan_of
from tuning.llamafactory.kinds import MADE_BY_THE_SERVER, SERVE
from tuning.llamafactory.progress.eta_state import EtaState, to_json
from tuning.secrets.cipher import Cipher
from tuning.secrets.service import read_values
from tuning.settings import ClusterSettings
from tuning.slurm.cluster import Submission
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
        """Place of the job in the cluster, by its resources."""
        return place_of(self.job_id, self.resources)


@dataclass(frozen=True)
class Start:
    """Token of a start, and the secrets that the run gets, by name."""

    token: str
    secrets: Mapping[str, str]


def start_of(session: Session, job: Job, cipher: Cipher) -> Start:
    """A new start: with its owner's secrets, or the key of a served model. Raises InvalidInput, Conflict."""
    token = new_secret()
    if job.kind == SERVE:
        return Start(token, {KEY_SECRET: start_key(cipher, token)})
    return Start(token, read_values(session, job.owner_id, job.secrets, cipher) if job.secrets else {})


def prepare(
    job: Job, cluster: ClusterSettings, inputs: AttemptInputs, image_digest: str | None, start: Start
) -> Handover:
    """The next attempt and its files; what they are is kept with it, but for the secrets. Raises InvalidInput."""
    number, token = job.attempt + 1, start.token
    plan = plan_next(job, cluster, inputs)
    schema = load_schema(cluster.llamafactory_version)
    record = _record(plan, image_digest, schema)
    eta_state = None
    if isinstance(plan, AttemptPlan):
        record |= _data_and_chance(plan, inputs.uploads, schema)
        course = plan_of(plan.config, world_size(job.resources), inputs.longest_save_elsewhere)
        eta_state = to_json(replace(inputs.learned or EtaState(), plan=course, bar=None))
    return Handover(
        attempt=NewAttempt(job.id, number, token, plan.script, plan.config_yaml, eta_state),
        record=record,
        submission=Submission(
            token=token,
            job_name=slurm_job_name(job.id, number, token),
            comment=slurm_comment(job.id, number, token),
            directory=plan.directory,
            files={**_secret_files(start.secrets), **_record_file(job, number, token, inputs, record), **plan.files},
            data=tuple(dataset_path("", data.sha256, data.extension).lstrip("/") for data in inputs.uploads),
        ),
        resources=job.resources,
    )


def _secret_files(secrets: Mapping[str, str]) -> dict[str, bytes]:
    return {secret_file(name): value.encode() for name, value in secrets.items()}


def _record_file(
    job: Job, number: int, token: str, inputs: AttemptInputs, record: Mapping[str, Any]
) -> dict[str, bytes]:
    """Record that rebuilds its row where the database is lost; the server makes its own jobs anew, they have none."""
    if job.kind in MADE_BY_THE_SERVER:
        return {}
    return {JOB_RECORD_FILE: job_record(job, number, token, inputs, record).model_dump_json().encode()}


def _record(
    plan: AttemptPlan | CheckPlan | ServePlan, image_digest: str | None, schema: ArgumentSchema
) -> dict[str, Any]:
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
