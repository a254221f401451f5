"""The inputs of a job's next attempt, from the database: data, the cluster's register, what earlier attempts showed."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from tuning.datasets import repository as datasets
from tuning.datasets.message_weights import has_untrained_history
from tuning.datasets.models import Dataset
from tuning.errors import InvalidInput
from tuning.jobs.attempt.check_plan import CheckPlan, plan_check
from tuning.jobs.attempt.plan import AttemptPlan, Entries, RunOf, TrainingData, config_context, plan_attempt
from tuning.jobs.attempt.serve_plan import ServedModel, ServePlan, plan_serve
from tuning.jobs.models import Attempt, Job
from tuning.jobs.queries.requests import tags_of
from tuning.jobs.queries.save_times import Saved, saved_by
from tuning.jobs.request.resume import ResumePoint
from tuning.jobs.request.sources import from_json as source_from_json
from tuning.llamafactory.config.check import check_config
from tuning.llamafactory.kinds import CHECK, SERVE, Kind
from tuning.llamafactory.progress.eta_state import EtaState, from_json
from tuning.people.queries import user_names
from tuning.settings import ClusterSettings

LONGEST_EXCLUDE = 500
"""Characters, as a request may say (tuning.jobs.request.spec)."""
LongestSaves = Callable[[Collection[Saved]], Mapping[Saved, float]]
"""Seconds of the longest recent saves on the cluster (queries.save_times); unknown ones are missing."""


@dataclass(frozen=True)
class AttemptInputs:
    """Inputs of the plan of a job's next attempt, beside the job's row."""

    uploads: Sequence[TrainingData] = ()
    registered: Entries | None = None
    """The data sets that the cluster knows by name; None = nothing is known of it."""
    learned: EtaState | None = None
    """What earlier attempts have shown."""
    longest_save_elsewhere: float | None = None
    """Seconds, of other jobs like it."""
    owner: str = ""
    """Name of its owner."""
    tags: Mapping[str, str] = field(default_factory=dict)
    avoided: tuple[str, ...] = ()
    """Nodes that it keeps away from, beside those that its request excludes."""


def load_inputs(
    session: Session,
    jobs: Sequence[Job],
    needs: Mapping[str, Sequence[str]],
    cluster: ClusterSettings,
    registered: Entries | None,
    longest_saves: LongestSaves,
) -> dict[str, AttemptInputs]:
    """By job id, for jobs of one cluster, in a few queries; `needs` are their data sets (ids) by job id."""
    saved = {job.id: saved_by(job.config, cluster.models) for job in jobs if job.kind == "train"}
    seconds = longest_saves({each for each in saved.values() if each is not None})
    rows = datasets.by_ids(session, {dataset_id for job in jobs for dataset_id in needs.get(job.id, ())})
    owners = user_names(session, [job.owner_id for job in jobs])
    tags = tags_of(session, [job.id for job in jobs])
    return {
        job.id: AttemptInputs(
            uploads=in_order(rows, needs.get(job.id, ())),
            registered=registered,
            learned=learned_before(session, job.id, job.attempt + 1) if job.attempt else None,
            longest_save_elsewhere=seconds.get(wanted) if (wanted := saved.get(job.id)) else None,
            owner=owners.get(job.owner_id, ""),
            tags=tags.get(job.id, {}),
        )
        for job in jobs
    }


def in_order(rows: Mapping[str, Dataset], ids: Iterable[str]) -> list[TrainingData]:
    """These data sets as a job trains on them, in the order of their ids; what is not there is left out."""
    return [_training_data(rows[dataset_id]) for dataset_id in ids if dataset_id in rows]


def learned_before(session: Session, job_id: str, number: int) -> EtaState | None:
    """Pace and saves that the last attempt before `number` has shown; None where it has shown none."""
    earlier = session.scalars(attempts_before(job_id, number).limit(1)).first()
    return from_json(dict(earlier.eta_state)) if earlier and earlier.eta_state else None


def attempts_before(job_id: str, number: int) -> Select[Attempt]:
    """The attempts that Slurm had, the newest first: a submission that is proved not to have happened leaves no row."""
    own = (Attempt.job_id == job_id, Attempt.number < number)
    return select(Attempt).where(*own).order_by(Attempt.number.desc())


def plan_next(job: Job, cluster: ClusterSettings, inputs: AttemptInputs) -> AttemptPlan | CheckPlan | ServePlan:
    """The plan of a job's next attempt, by its kind.

    Its configuration was checked when it was accepted; the operator's settings and the version of LLaMA-Factory may be
    others by now. Raises InvalidInput where they no longer allow it.
    """
    number = job.attempt + 1
    if job.kind == CHECK:
        return plan_check(job.id, number, job.config, job.resources, cluster)
    source = source_from_json(job.source)
    if job.kind == SERVE:
        resources = keeping_away(job.resources, inputs.avoided)
        return plan_serve(ServedModel(job.id, number, job.config, resources, source), cluster)
    kind = cast(Kind, job.kind)
    context = config_context(cluster, inputs.registered, inputs.uploads, job.resources, kind, source)
    checked = check_config(job.config, context)
    if checked.errors:
        raise InvalidInput(checked.errors)
    secrets, elsewhere = tuple(job.secrets or ()), inputs.longest_save_elsewhere
    resume = ResumePoint(job.resume_job, job.resume_checkpoint) if job.resume_job and job.resume_checkpoint else None
    own = (secrets, job.environment or {})
    resources = keeping_away(job.resources, inputs.avoided)
    run = RunOf(job.id, number, resources, kind, source, *own, inputs.learned, elsewhere, resume)
    return plan_attempt(run, checked, cluster, inputs.uploads, inputs.registered)


def keeping_away(resources: Mapping[str, Any], nodes: Sequence[str]) -> Mapping[str, Any]:
    """The resources without these nodes, as far as sbatch's option holds them."""
    asked = resources.get("exclude")
    excluded = ",".join(dict.fromkeys(filter(None, (asked, *nodes))))
    return {**resources, "exclude": excluded} if nodes and len(excluded) <= LONGEST_EXCLUDE else resources


def _training_data(row: Dataset) -> TrainingData:
    return TrainingData(
        id=row.id,
        name=row.name,
        sha256=row.sha256,
        extension=row.extension,
        entry=row.entry,
        status=row.status.value,
        cluster=row.cluster,
        cluster_path=row.cluster_path,
        check_job=row.check_job,
        refused_for=tuple(finding["message"] for finding in row.findings or ()),
        has_untrained_history=has_untrained_history(row.report),
    )
