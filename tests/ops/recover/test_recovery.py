"""Jobs of a lost database are in the new one again, as they stand, and none is submitted a second time."""

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from ops.recover.recovery import require_undriven
from tests.factories import make_dataset
from tests.ops.recover.lost_database import LostDatabase
from tuning.clusters.models import Installation
from tuning.datasets.models import Dataset, DatasetCopy
from tuning.db.engine import transaction
from tuning.errors import Conflict, SlurmUnavailable
from tuning.jobs.models import AttemptTexts, Job, JobEvent, JobTag
from tuning.jobs.status import JobStatus
from tuning.people.models import User


def submissions(lost: LostDatabase) -> int:
    return len((lost.home / "submitted").read_text().splitlines())


def test_a_running_job_is_followed_again_to_its_end(lost: LostDatabase) -> None:
    job_id = lost.submit("grace", name="wmt ja-en", priority=7, tags={"team": "mt"}, keep_checkpoints=3)
    lost.begin(job_id)
    lost.queue({job_id: "RUNNING"})
    found = lost.recover()
    assert [(job.record.job_id, job.state, job.slurm_state) for job in found.jobs] == [(job_id, "runs", "RUNNING")]
    job = lost.job(job_id)
    assert (job.name, job.priority, job.keep_checkpoints, job.status) == ("wmt ja-en", 7, 3, JobStatus.RUNNING)
    assert job.config == {"model_name_or_path": "tiny-qwen2", "stage": "sft", "dataset": "identity"}
    with lost.after() as session:
        assert session.get_one(User, job.owner_id).name == "grace"
        assert session.get_one(JobTag, (job_id, "team")).value == "mt"
        assert session.get_one(AttemptTexts, (job_id, 1)).script.startswith("#!/bin/bash")
    lost.work(2)
    assert lost.job(job_id).status is JobStatus.RUNNING
    lost.end(job_id, exit_code=1)
    lost.queue({})
    lost.accounting({job_id: "FAILED"})
    lost.work()
    assert (lost.job(job_id).status, lost.attempts(job_id)) == (JobStatus.FAILED, [(1, lost.slurm_id(job_id))])
    assert submissions(lost) == 1


def test_its_log_is_read_from_its_beginning(lost: LostDatabase) -> None:
    job_id = lost.submit()
    lost.begin(job_id)
    line = {"current_steps": 2, "total_steps": 4, "loss": 1.5, "epoch": 1.0, "percentage": 50.0}
    text = json.dumps({**line, "elapsed_time": "0:00:02", "remaining_time": "0:00:02"})
    (lost.root / "jobs" / job_id / "output" / "trainer_log.jsonl").write_text(f"{text}\n")
    lost.queue({job_id: "RUNNING"})
    lost.recover()
    lost.work(2)
    job = lost.job(job_id)
    assert (job.current_steps, job.total_steps, job.loss) == (2, 4, 1.5)


def test_one_that_waits_in_slurm_is_adopted(lost: LostDatabase) -> None:
    job_id = lost.submit()
    lost.queue({job_id: "PENDING"})
    assert [job.state for job in lost.recover().jobs] == ["waits"]
    lost.work(2)
    job = lost.job(job_id)
    assert (job.status, job.slurm_job_id, submissions(lost)) == (JobStatus.PENDING, lost.slurm_id(job_id), 1)


@pytest.mark.parametrize(
    ("exit_code", "told", "status"),
    [(1, "FAILED", JobStatus.FAILED), (143, "CANCELLED by 1000", JobStatus.CANCELLED)],
)
def test_one_that_has_ended_gets_its_end(lost: LostDatabase, exit_code: int, told: str, status: JobStatus) -> None:
    job_id = lost.submit()
    lost.begin(job_id)
    lost.end(job_id, exit_code)
    lost.accounting({job_id: told})
    assert [(job.state, job.slurm_state) for job in lost.recover().jobs] == [("ended", told)]
    lost.work()
    assert (lost.job(job_id).status, submissions(lost)) == (status, 1)


@pytest.mark.parametrize("told", ["PREEMPTED", "NODE_FAIL"])
def test_one_that_was_cut_off_is_held_for_its_owner(lost: LostDatabase, told: str) -> None:
    job_id = lost.submit()
    lost.begin(job_id)
    lost.accounting({job_id: told})
    lost.recover()
    lost.work(8)
    assert (lost.job(job_id).status, submissions(lost)) == (JobStatus.HELD, 1)


def test_one_that_was_cancelled_while_it_waited_is_found_by_its_name(lost: LostDatabase) -> None:
    job_id = lost.submit()
    lost.accounting({job_id: "CANCELLED by 1000"})
    assert [job.state for job in lost.recover().jobs] == ["ended"]
    lost.work()
    assert (lost.job(job_id).status, submissions(lost)) == (JobStatus.CANCELLED, 1)


def test_one_that_never_began_is_held_and_its_claim_taken(lost: LostDatabase) -> None:
    job_id = lost.submit()
    assert [job.state for job in lost.recover().jobs] == ["never began"]
    lost.work()
    job = lost.job(job_id)
    assert (job.status, submissions(lost)) == (JobStatus.HELD, 1)
    assert "release it" in (job.status_reason or "")
    assert (lost.folder(job_id) / "claim").readlink() == Path("abandoned")


def test_one_whose_claim_was_lost_in_a_copy_has_begun_all_the_same(lost: LostDatabase) -> None:
    job_id = lost.submit()
    lost.begin(job_id)
    lost.end(job_id, exit_code=1)
    (lost.folder(job_id) / "claim").unlink()
    assert [(job.state, job.slurm_state) for job in lost.recover().jobs] == [("ended", "exit code 1")]
    lost.work()
    assert (lost.job(job_id).status, submissions(lost)) == (JobStatus.FAILED, 1)


def test_another_job_with_its_number_is_not_taken_for_it(lost: LostDatabase) -> None:
    job_id, other = lost.submit("ada"), lost.submit("alan")
    lost.begin(job_id)
    lost.queue({other: "RUNNING"})
    theirs, its = str(lost.slurm_id(other)), str(lost.slurm_id(job_id))
    queue = lost.home / "squeue"
    queue.write_text(queue.read_text().replace(f"{theirs}\x1f", f"{its}\x1f", 1))
    states = {job.record.job_id: job.state for job in lost.recover().jobs}
    assert states[job_id] == "ended"


def test_a_look_changes_nothing(lost: LostDatabase) -> None:
    lost.submit()
    before = sorted(lost.root.rglob("*"))
    assert len(lost.look().jobs) == 1
    assert sorted(lost.root.rglob("*")) == before
    with lost.after() as session:
        assert session.scalars(select(Job.id)).all() == []


def test_jobs_that_the_database_has_stay_as_they_are(lost: LostDatabase) -> None:
    job_id = lost.submit()
    lost.queue({job_id: "PENDING"})
    lost.recover()
    with transaction(lost.after) as session:
        session.get_one(Job, job_id).name = "another"
    assert lost.recover().jobs == []
    assert lost.job(job_id).name == "another"


def test_an_upload_that_only_the_cluster_has_is_known_again(lost: LostDatabase) -> None:
    with transaction(lost.before) as session:
        owner = User(id="user_1", name="edsger", created_at=lost.clock())
        session.add(owner)
        session.flush()
        dataset = make_dataset(session, owner, sha256="b" * 64, extension="jsonl", name="pairs")
        session.add(DatasetCopy(cluster="lab", sha256="b" * 64, staged_at=lost.clock()))
        dataset_id = dataset.id
    (lost.root / "datasets" / f"{'b' * 64}.jsonl").write_text("{}\n")
    config = {"model_name_or_path": "tiny-qwen2", "stage": "sft", "dataset": dataset_id}
    job_id = lost.submit(dataset_id=dataset_id, config=config)
    lost.queue({job_id: "PENDING"})
    lost.recover()
    with lost.after() as session:
        row = session.get_one(Dataset, dataset_id)
        assert (row.name, row.sha256, row.cluster, row.entry) == ("pairs", "b" * 64, "lab", dataset.entry)
        assert row.size_bytes == 3
        assert session.get(DatasetCopy, ("lab", "b" * 64)) is not None


def test_of_an_upload_that_nobody_has_any_more_no_copy_is_claimed(lost: LostDatabase) -> None:
    with transaction(lost.before) as session:
        owner = User(id="user_1", name="edsger", created_at=lost.clock())
        session.add(owner)
        session.flush()
        dataset_id = make_dataset(session, owner, sha256="c" * 64).id
        session.add(DatasetCopy(cluster="lab", sha256="c" * 64, staged_at=lost.clock()))
    copy = lost.root / "datasets" / f"{'c' * 64}.json"
    copy.write_text("{}\n")
    config = {"model_name_or_path": "tiny-qwen2", "stage": "sft", "dataset": dataset_id}
    job_id = lost.submit(dataset_id=dataset_id, config=config)
    lost.queue({job_id: "PENDING"})
    copy.unlink()
    lost.recover()
    with lost.after() as session:
        assert session.get_one(Dataset, dataset_id).size_bytes == 0
        assert session.get(DatasetCopy, ("lab", "c" * 64)) is None


def test_a_folder_of_an_earlier_packtrain_needs_an_owner(lost: LostDatabase) -> None:
    job_id = lost.submit()
    (lost.folder(job_id) / "job.json").unlink()
    lost.queue({job_id: "RUNNING"})
    lost.begin(job_id)
    assert ["--owner" in each.reason for each in lost.look().skipped] == [True]
    lost.recover("edsger")
    job = lost.job(job_id)
    assert (job.name, job.kind, job.status) == (job_id, "train", JobStatus.RUNNING)
    assert job.config["dataset"] == "identity"
    assert "output_dir" not in job.config
    assert (job.resources["time_limit"], job.resources["gpus_per_node"]) == ("1-00:00:00", 1)
    with lost.after() as session:
        assert session.get_one(User, job.owner_id).name == "edsger"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("job.json", '{"form": 1}', "Field required"),
        ("job.json", "[" * 100_000, "job.json"),
        ("job.json", "", "job.json"),
        ("config.yaml", None, "no configuration"),
        ("job.sh", None, "no script"),
    ],
)
def test_a_damaged_folder_is_told_and_left_out(lost: LostDatabase, name: str, text: str | None, words: str) -> None:
    damaged, good = lost.submit("ada"), lost.submit("alan")
    file = lost.folder(damaged) / name
    file.unlink()
    if text is not None:
        file.write_text(text)
    found = lost.recover()
    assert [job.record.job_id for job in found.jobs] == [good]
    assert [(each.job_id, words in each.reason) for each in found.skipped] == [(damaged, True)]


def test_nothing_is_read_through_a_link(lost: LostDatabase) -> None:
    job_id, other = lost.submit("ada"), lost.submit("alan")
    file = lost.folder(job_id) / "job.json"
    text = file.read_text()
    file.unlink()
    (lost.home / "elsewhere.json").write_text(text)
    file.symlink_to(lost.home / "elsewhere.json")
    (lost.root / "jobs" / "job_link").symlink_to(lost.root / "jobs" / other)
    found = lost.recover()
    assert [job.record.job_id for job in found.jobs] == [other]
    assert ["link" in each.reason for each in found.skipped] == [True]


def test_a_folder_with_the_record_of_another_is_left_out(lost: LostDatabase) -> None:
    job_id = lost.submit()
    shutil.copytree(lost.root / "jobs" / job_id, lost.root / "jobs" / "job_copy")
    found = lost.recover()
    assert [(each.job_id, f"record of {job_id}" in each.reason) for each in found.skipped] == [("job_copy", True)]


def test_two_folders_with_one_token_are_not_two_jobs(lost: LostDatabase) -> None:
    job_id = lost.submit()
    shutil.copytree(lost.root / "jobs" / job_id, lost.root / "jobs" / "job_copy")
    record = lost.root / "jobs" / "job_copy" / "1" / "job.json"
    record.write_text(record.read_text().replace(job_id, "job_copy"))
    found = lost.recover()
    assert len(found.jobs) == 1
    assert ["token" in each.reason for each in found.skipped] == [True]


def test_without_slurms_word_nothing_is_recovered(lost: LostDatabase) -> None:
    lost.submit()
    (lost.home / "down").touch()
    with pytest.raises(SlurmUnavailable):
        lost.recover()


def test_not_beside_a_worker(lost: LostDatabase) -> None:
    lost.driver(lost.after)
    with lost.after() as session, pytest.raises(Conflict, match="drives lab"):
        require_undriven(session, "lab", lost.clock())


def test_an_empty_database_becomes_the_packtrain_that_owns_the_root(lost: LostDatabase) -> None:
    lost.submit()
    (lost.root / "owner").write_text("installation=inst_abc\nsign=1\nby=host:1\n")
    lost.recover()
    with lost.after() as session:
        assert session.get_one(Installation, 1).id == "inst_abc"


def test_it_is_written_to_postgresql_too(lost: LostDatabase, sessions: sessionmaker[Session]) -> None:
    lost.after = sessions
    job_id = lost.submit("grace", tags={"team": "mt"}, continuation={"max_attempts": 3, "on": ["timeout"]})
    never = lost.submit("alan")
    lost.begin(job_id)
    lost.queue({job_id: "RUNNING"})
    assert len(lost.recover().jobs) == 2
    assert (lost.job(job_id).status, lost.job(never).status) == (JobStatus.RUNNING, JobStatus.HELD)
    assert lost.job(job_id).continuation == {"max_attempts": 3, "on": ["timeout"]}


def test_its_history_says_where_it_comes_from(lost: LostDatabase) -> None:
    job_id = lost.submit()
    lost.queue({job_id: "PENDING"})
    lost.recover()
    with lost.after() as session:
        events = session.scalars(select(JobEvent).where(JobEvent.job_id == job_id).order_by(JobEvent.id)).all()
    assert [(event.type, "recovered" in event.message) for event in events] == [
        ("job.created", True),
        ("job.pending", True),
    ]
