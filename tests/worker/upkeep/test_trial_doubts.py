"""A start is not promised where a job like it waits in Slurm for a limit."""

import pytest
from sqlalchemy.orm import Session

from tests.factories import make_job, make_user
from tuning.jobs.status import JobStatus
from worker.upkeep.trial_doubts import WaitingJob, doubt, waiting_jobs

SCRIPT = "#!/bin/bash\n#SBATCH --nodes=2\n#SBATCH --gres=gpu:a100:4\n#SBATCH --partition=gpu\n#SBATCH --account=mt\n"
RESOURCES = {"partition": "gpu", "account": "mt", "qos": None, "nodes": 1, "gpus_per_node": 8}


def waits(reason: str, **resources: object) -> list[WaitingJob]:
    return [WaitingJob("job_a", {**RESOURCES, **resources}, reason)]


def test_a_budget_that_is_used_up_is_told_of() -> None:
    answer = doubt(SCRIPT, waits("AssocGrpGRESMinutes"))
    assert answer
    assert (answer.starts_at, answer.is_final) == (None, False)
    assert str(answer.refusal).startswith("a job of the same partition, account and QOS waits (AssocGrpGRESMinutes)")


@pytest.mark.parametrize("other", [{"account": "other"}, {"account": None}, {"partition": None}, {"qos": "high"}])
def test_another_place_has_other_limits(other: dict[str, object]) -> None:
    assert doubt(SCRIPT, waits("AssocGrpGRESMinutes", **other)) is None


@pytest.mark.parametrize(("gpus", "is_doubtful"), [(8, True), (4, True), (9, False)])
def test_a_limit_on_size_concerns_those_that_are_as_large(gpus: int, is_doubtful: bool) -> None:
    found = doubt(SCRIPT, waits("QOSMaxGRESPerJob", gpus_per_node=gpus))
    assert (found is not None) is is_doubtful


@pytest.mark.parametrize("reason", ["Priority", "JobHeldUser", "QOSMaxJobsPerUserLimit"])
def test_what_concerns_that_job_alone_is_no_doubt(reason: str) -> None:
    assert doubt(SCRIPT, waits(reason)) is None


def test_only_what_slurm_lets_wait_is_looked_at(session: Session) -> None:
    user = make_user(session)
    make_job(session, user, status=JobStatus.PENDING)
    make_job(session, user, status=JobStatus.RUNNING, slurm_reason="None")
    make_job(session, user, status=JobStatus.PENDING, slurm_reason="Priority", cluster="far")
    job = make_job(session, user, status=JobStatus.PENDING, slurm_reason="Priority")
    assert waiting_jobs(session, "lab") == [WaitingJob(job.id, job.resources, "Priority")]
