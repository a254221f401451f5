"""Events and checkpoints by OpenAI's own client, on a real server."""

from datetime import timedelta
from typing import Any

import openai as errors
import pytest
from openai import OpenAI
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_dataset, make_job
from tuning.db.engine import transaction
from tuning.jobs.actions.create import first_events
from tuning.jobs.events import write_events
from tuning.jobs.models import Artifact, Job, MetricPoint
from tuning.jobs.output.checkpoints import tell_saved
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event
from tuning.people.models import User

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PROBLEM = {
    "reason": "no_answer",
    "outcome": "dropped",
    "message": "there is no answer",
    "hint": "add one",
    "rows": 3,
    "places": [{"row": 4, "line": 4, "detail": ""}, {"row": 9, "line": 9, "detail": ""}],
}


@pytest.fixture
def job(sessions: sessionmaker[Session], user: User) -> Job:
    """A job that has trained 30 steps and saved two checkpoints."""
    with transaction(sessions) as session:
        job = make_job(session, user, status=JobStatus.RUNNING, attempt=1, current_steps=30)
        make_dataset(session, user, job=job, report={"problems": [PROBLEM]})
        write_events(session, [{"job_id": job.id, **row} for row in first_events(JobStatus.QUEUED, NOON)], NOON)
        for step in range(1, 31):
            at = NOON + timedelta(seconds=step)
            values = {"loss": 1 / step, "learning_rate": 1e-4}
            session.add(_point(job, step, "train", at, values))
            if step % 10 == 0:
                session.add(_point(job, step, "eval", at, {"eval_loss": 2 / step}))
                session.flush()
        tell_saved(session, job.id, [10], NOON + timedelta(seconds=10))
        tell_saved(session, job.id, [20], NOON + timedelta(seconds=20))
        record_event(session, job.id, "job.hold_requested", "asked for by ada", NOON + timedelta(seconds=31))
        return job


def _point(job: Job, step: int, kind: str, at: Any, values: dict[str, Any]) -> MetricPoint:
    return MetricPoint(job_id=job.id, attempt=1, step=step, kind=kind, at=at, epoch=None, values=values)


def ft_id(job: Job) -> str:
    return "ftjob-" + job.id.removeprefix("job_")


def test_events_are_told_newest_first_with_the_log_and_the_datas_findings(openai: OpenAI, job: Job) -> None:
    events = list(openai.fine_tuning.jobs.list_events(ft_id(job), limit=100))
    messages = [event.message for event in events]
    assert messages[0] == "The job is to be paused: asked for by ada"
    assert messages[1] == "Step 30: train_loss=0.03333, learning_rate=0.0001"
    assert messages[-1] == "Created fine-tuning job"
    assert [event.created_at for event in events] == sorted((event.created_at for event in events), reverse=True)
    warning = next(event for event in events if event.level == "warn")
    assert "3 rows (lines 4, 9, ...), dropped: there is no answer (add one)" in warning.message
    assert len(events) == 30 + 3 + 2 + 2 + 2 + 1  # train, eval, checkpoints, first events, findings, the wish


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 39])
def test_no_event_is_lost_or_doubled_between_pages(openai: OpenAI, job: Job, limit: int) -> None:
    whole = [event.id for event in openai.fine_tuning.jobs.list_events(ft_id(job), limit=100)]
    paged = [event.id for event in openai.fine_tuning.jobs.list_events(ft_id(job), limit=limit)]
    assert paged == whole
    assert len(set(whole)) == len(whole)


@pytest.mark.parametrize("after", ["nonsense", "ftevent-999999", "ftevent-1-99-train", "ftevent-9" + "9" * 30])
def test_a_cursor_that_is_none_is_not_found(openai: OpenAI, job: Job, after: str) -> None:
    with pytest.raises(errors.NotFoundError):
        openai.fine_tuning.jobs.list_events(ft_id(job), after=after)


def test_checkpoints_have_the_values_of_their_step(openai: OpenAI, job: Job) -> None:
    found = list(openai.fine_tuning.jobs.checkpoints.list(ft_id(job), limit=1))
    assert [checkpoint.step_number for checkpoint in found] == [20, 10]
    metrics = found[0].metrics
    assert (metrics.step, metrics.train_loss, metrics.valid_loss, metrics.full_valid_loss) == (20, 0.05, 0.1, 0.1)
    assert found[0].fine_tuned_model_checkpoint.endswith(f":{job.id.removeprefix('job_')}:ckpt-step-20")


def test_of_an_ended_job_only_checkpoints_that_are_there_are_told(
    openai: OpenAI, job: Job, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        session.query(Job).update({"status": JobStatus.SUCCEEDED, "finished_at": NOON})
        path = "checkpoint-20/adapter_model.safetensors"
        session.add(Artifact(job_id=job.id, path=path, size_bytes=1, modified_at=NOON))
    found = openai.fine_tuning.jobs.checkpoints.list(ft_id(job))
    assert [checkpoint.step_number for checkpoint in found] == [20]


@pytest.mark.parametrize("after", ["nonsense", "ftckpt_other_10", "ftckpt_x_0"])
def test_a_checkpoint_that_is_none_is_not_found(openai: OpenAI, job: Job, after: str) -> None:
    with pytest.raises(errors.NotFoundError):
        openai.fine_tuning.jobs.checkpoints.list(ft_id(job), after=after)
