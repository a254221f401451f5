"""What one attempt of a job is planned from, out of the job's row."""

from collections.abc import Sequence
from typing import cast

from tuning.jobs.attempt.check_plan import CheckPlan, plan_check
from tuning.jobs.attempt.plan import AttemptPlan, Entries, RunOf, TrainingData, plan_attempt
from tuning.jobs.models import Job
from tuning.jobs.request.sources import from_json
from tuning.llamafactory.kinds import CHECK, Kind
from tuning.llamafactory.progress.eta import EtaState
from tuning.settings import ClusterSettings


def plan_run(
    job: Job,
    number: int,
    cluster: ClusterSettings,
    uploads: Sequence[TrainingData],
    registered: Entries | None,
    learned: EtaState | None = None,
    longest_save_elsewhere: float | None = None,
) -> AttemptPlan | CheckPlan:
    """The plan of the attempt of this number, by the job's kind, with what earlier attempts and other jobs have shown.

    Raises InvalidInput (plan_attempt, plan_check).
    """
    if job.kind == CHECK:
        return plan_check(job.id, number, job.config, job.resources, cluster)
    run = _run_of(job, number, learned, longest_save_elsewhere)
    return plan_attempt(run, cluster, uploads, registered)


def _run_of(job: Job, number: int, learned: EtaState | None, longest_save_elsewhere: float | None) -> RunOf:
    return RunOf(
        job_id=job.id,
        number=number,
        config=job.config,
        resources=job.resources,
        kind=cast(Kind, job.kind),
        source=from_json(job.source),
        secrets=tuple(job.secrets or ()),
        learned=learned,
        longest_save_elsewhere=longest_save_elsewhere,
    )
