"""Pages of models that jobs left."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from tests.factories import NOON, make_job, make_team, make_user
from tuning.jobs.models import Artifact, Job
from tuning.jobs.queries.results import results_of, results_page
from tuning.jobs.search.page import Filter
from tuning.jobs.sight import Sight
from tuning.jobs.status import JobStatus
from tuning.models.grants import add_grant
from tuning.models.names import ResultName
from tuning.people.models import LAB_TEAM_ID, User


def make_result(session: Session, owner: User, **columns: Any) -> Job:
    """A training that has succeeded."""
    values: dict[str, Any] = {"status": JobStatus.SUCCEEDED, "finished_at": NOON, **columns}
    return make_job(session, owner, **values)


def listed(session: Session, wanted: Filter = Filter(), limit: int = 50) -> list[str]:
    """The jobs of a first page."""
    return [result.job_id for result in results_page(session, wanted, None, limit).results]


def test_models_that_are_there_are_listed_the_newest_first(session: Session) -> None:
    ada = make_user(session)
    old = make_result(session, ada, created_at=NOON - timedelta(hours=1))
    new = make_result(session, ada, kind="export")
    make_result(session, ada, kind="predict")
    make_result(session, ada, kind="check")
    make_result(session, ada, result={"output_removed": True})
    make_result(session, ada, status=JobStatus.FAILED)
    make_job(session, ada)
    assert listed(session) == [new.id, old.id]
    first = results_page(session, Filter(), None, 1)
    assert [result.job_id for result in first.results] == [new.id]
    assert [result.job_id for result in results_page(session, Filter(), first.next, 1).results] == [old.id]


def test_a_result_tells_name_lineage_size_and_metrics(session: Session) -> None:
    ada = make_user(session)
    config = {"model_name_or_path": "/shared/models/tiny-qwen2"}
    source = {"model": "Qwen/Qwen2-7B", "adapter": "jobs/job_0/output", "template": "qwen", "finetuning_type": "lora"}
    job = make_result(session, ada, config=config, result={"train_loss": 0.5, "diverged": True, "epoch": 3})
    export = make_result(session, ada, kind="export", config={}, source=source, source_job=job.id, source_checkpoint=5)
    for path, size in (("adapter_model.safetensors", 100), ("checkpoint-5/a", 30), ("checkpoint-50/a", 7)):
        session.add(Artifact(job_id=job.id, path=path, size_bytes=size, modified_at=NOON))
    session.flush()
    final, checkpoint, merged = results_of(session, [(job, None), (job, 5), (export, None)])
    number = job.id.removeprefix("job_")
    assert (final.name, final.base) == (f"ft:tiny-qwen2:lab:wmt-ja-en:{number}", "tiny-qwen2")
    assert (final.is_adapter, final.size_bytes, final.metrics) == (True, 100, {"train_loss": 0.5, "epoch": 3})
    assert (checkpoint.name, checkpoint.size_bytes) == (f"{final.name}:ckpt-step-5", 30)
    assert (merged.base, merged.is_adapter) == ("Qwen/Qwen2-7B", False)
    assert (merged.source_job, merged.source_checkpoint, merged.size_bytes) == (job.id, 5, 0)


def test_those_of_others_are_seen_by_their_team_or_by_a_grant(session: Session) -> None:
    ada, bob = make_user(session), make_user(session, name="bob")
    mt, asr = make_team(session, "mt", ada), make_team(session, "asr", bob)
    hers = make_result(session, ada, team_id=mt.id)
    granted = make_result(session, ada, team_id=mt.id, created_at=NOON - timedelta(hours=1))
    half = make_result(session, ada, team_id=mt.id)
    add_grant(session, ResultName(granted.id), asr.id, NOON)
    add_grant(session, ResultName(half.id, 5), asr.id, NOON)
    of_bob = Sight(bob.id, (asr.id, LAB_TEAM_ID))
    assert listed(session, Filter(sight=of_bob)) == []
    assert listed(session, Filter(sight=replace(of_bob, granted_to=of_bob.team_ids))) == [granted.id]
    assert hers.id in listed(session, Filter(sight=Sight(ada.id, (mt.id,))))
