"""Waiting jobs are handed to Slurm, and every answer is written down as what it is."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import Seconds
from tests.worker.conftest import World
from tuning.clusters.models import ClusterRow
from tuning.db.engine import transaction
from tuning.errors import (
    AttemptUnwritable,
    LeaseLost,
    RemoteDiskFull,
    ShapeRefused,
    SiteLimit,
    SiteState,
    SlurmUnavailable,
    SubmissionRefused,
    UnknownRefusal,
    Unreachable,
)
from tuning.jobs.models import Attempt, AttemptTexts, Job, JobEvent, Trouble
from tuning.jobs.status import JobStatus
from tuning.jobs.troubles import FIRST_PAUSE, pause
from tuning.llamafactory.progress.eta_state import EtaState, to_json
from tuning.secrets.service import keep_secret
from tuning.slurm.cluster import SubmissionAnswer
from worker.submit import batch
from worker.submit.pauses import FIRST_SECONDS, Pauses


def told(error: Exception | None = None) -> SubmissionAnswer:
    assert error is None or isinstance(
        error, SiteLimit | SiteState | SlurmUnavailable | SubmissionRefused | RemoteDiskFull
    )
    return SubmissionAnswer("", error=error)


def test_an_id_makes_it_pending(world: World) -> None:
    job_id = world.add()
    assert world.submitter().submit_waiting() == 1
    job = world.job(job_id)
    assert (job.status, job.slurm_job_id, world.attempts(job_id)) == (JobStatus.PENDING, 100, [(1, 100)])
    assert job.record
    assert {"job.sh", "config.yaml", "data/dataset_info.json"} <= world.cluster.submitted[0].files.keys()


def test_the_token_is_committed_before_anything_is_sent(world: World) -> None:
    job_id = world.add()
    world.cluster.answers[job_id] = SubmissionAnswer("")
    world.submitter().submit_waiting()
    job = world.job(job_id)
    assert (job.status, world.attempts(job_id)) == (JobStatus.SUBMITTING, [(1, None)])
    assert world.cluster.submitted[0].comment.endswith(world.cluster.submitted[0].token)


def test_no_answer_is_never_sent_again(world: World) -> None:
    job_id = world.add()
    world.cluster.answers[job_id] = SubmissionAnswer("")
    submitter = world.submitter()
    submitter.submit_waiting()
    assert submitter.submit_waiting() == 0
    assert len(world.cluster.submitted) == 1


def test_the_first_warning_is_as_early_as_other_jobs_saves_ask_for(
    world: World, sessions: sessionmaker[Session]
) -> None:
    before, job_id = world.add(JobStatus.SUCCEEDED), world.add(name="grace")
    with transaction(sessions) as session:
        session.get_one(Attempt, (before, 1)).eta_state = to_json(EtaState(saves=(200.0,)))
    world.submitter().submit_waiting()
    with sessions() as session:
        assert "--signal=B:USR1@630" in session.get_one(AttemptTexts, (job_id, 1)).script


def test_a_refusal_fails_the_job_in_slurms_words(world: World) -> None:
    job_id = world.add()
    world.cluster.answers[job_id] = told(SubmissionRefused("Invalid account", hint="ask"))
    world.submitter().submit_waiting()
    job = world.job(job_id)
    assert job.status is JobStatus.FAILED
    assert job.failure
    assert (job.failure["code"], job.failure["message"], job.failure["hint"]) == (
        "submission_refused",
        "Invalid account",
        "ask",
    )


@pytest.mark.parametrize("error", [SiteLimit("full"), SlurmUnavailable("slow"), RemoteDiskFull("full")])
def test_a_limit_or_a_trouble_is_waiting_and_the_attempt_does_not_count(world: World, error: Exception) -> None:
    job_id = world.add()
    world.cluster.answers[job_id] = told(error)
    submitter = world.submitter()
    submitter.submit_waiting()
    job = world.job(job_id)
    assert (job.status, job.attempt, world.attempts(job_id)) == (JobStatus.QUEUED, 0, [])
    assert str(error) in (job.status_reason or "")
    assert submitter.submit_waiting() == 0, "the site is given a pause"


DRAINED = SiteState("Required partition not available (inactive or drain)", scope="partition")


def test_a_drained_partition_fails_no_job_and_holds_up_no_other_partition(
    world: World, sessions: sessionmaker[Session]
) -> None:
    drained = [world.add(name=f"u{number}") for number in range(60)]
    elsewhere = world.add(name="zoe")
    with transaction(sessions) as session:
        job = session.get_one(Job, elsewhere)
        job.resources = {**job.resources, "partition": "other"}
    world.cluster.answers = {job_id: told(DRAINED) for job_id in drained}
    seconds = Seconds()
    submitter = world.submitter(Pauses(seconds))
    submitter.submit_waiting()
    jobs = [world.job(job_id) for job_id in drained]
    assert {(job.status, job.attempt, job.status_reason) for job in jobs} == {
        (JobStatus.QUEUED, 0, f"waiting: {DRAINED}")
    }
    assert world.job(elsewhere).status is JobStatus.PENDING
    seconds.now += FIRST_SECONDS
    assert submitter.submit_waiting() == 1, "one of sixty asks whether it is still so"
    assert submitter.submit_waiting() == 0
    world.cluster.answers = {}
    seconds.now += 2 * FIRST_SECONDS
    assert [submitter.submit_waiting() for _ in range(3)] == [1, 59, 0]
    assert {world.job(job_id).status for job_id in drained} == {JobStatus.PENDING}


def test_who_comes_during_a_pause_is_told_why_it_waits(world: World) -> None:
    first = world.add()
    world.cluster.answers[first] = told(DRAINED)
    submitter = world.submitter()
    submitter.submit_waiting()
    late = world.add(name="late")
    submitter.submit_waiting()
    assert world.job(late).status_reason == f"waiting: {DRAINED}"
    assert len(world.cluster.submitted) == 1


def test_a_refusal_in_unknown_words_waits_and_says_so(world: World) -> None:
    job_id, other = world.add(), world.add(name="other")
    world.cluster.answers[job_id] = told(UnknownRefusal("lua: not today", scope="job"))
    world.submitter().submit_waiting()
    job = world.job(job_id)
    assert job.status is JobStatus.QUEUED
    assert job.status_reason == "waiting: Slurm refuses it in words that packtrain does not know: lua: not today"
    assert world.job(other).status is JobStatus.PENDING


@pytest.mark.parametrize(
    ("gpus", "gpu_type", "status"),
    [
        (4, None, JobStatus.QUEUED),
        (2, None, JobStatus.FAILED),
        (8, "h100", JobStatus.QUEUED),
        (8, "1g.10gb", JobStatus.FAILED),
    ],
)
def test_a_shape_that_the_cluster_has_waits_and_any_other_is_refused(
    world: World, sessions: sessionmaker[Session], gpus: int, gpu_type: str | None, status: JobStatus
) -> None:
    job_id = world.add()
    types = {"h100": 4, "1g.10gb": 2}
    node = {"name": "n1", "partitions": ["gpu"], "cpus": 64, "memory_mb": 1000, "gpus": gpus, "gpu_types": types}
    with transaction(sessions) as session:
        job = session.get_one(Job, job_id)
        job.resources = {
            **job.resources,
            "partition": "gpu",
            "gpus_per_node": 4,
            "memory": "1000",
            "gpu_type": gpu_type,
        }
        session.execute(update(ClusterRow).values(snapshot={"nodes": [node], "datasets": {"identity": {}}}))
    world.cluster.answers[job_id] = told(ShapeRefused("Requested node configuration is not available"))
    world.submitter().submit_waiting()
    assert world.job(job_id).status is status


def test_a_failed_upload_gives_everything_back(world: World) -> None:
    ids = [world.add(name=name) for name in ("a", "b")]
    world.cluster.put_fails = Unreachable("no route")
    with pytest.raises(Unreachable):
        world.submitter().submit_waiting()
    for job_id in ids:
        job = world.job(job_id)
        assert (job.status, world.attempts(job_id)) == (JobStatus.QUEUED, [])
        assert "no route" in (job.status_reason or "")


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "BATCH", 2)


@pytest.mark.usefixtures("small_batches")
def test_batches_follow_each_other_and_each_job_is_sent_once(world: World) -> None:
    ids = sorted(world.add(name=name) for name in "abcde")  # made at one moment: by id
    assert world.submitter().submit_waiting() == 5
    assert [one.directory.split("/")[-2] for one in world.cluster.submitted] == ids
    assert {world.job(job_id).status for job_id in ids} == {JobStatus.PENDING}


@pytest.mark.usefixtures("small_batches")
def test_a_full_site_sends_back_what_was_made_ready_behind_it(world: World) -> None:
    ids = sorted(world.add(name=name) for name in "abcd")
    world.cluster.answers[ids[1]] = told(SiteLimit("full"))
    world.submitter().submit_waiting()
    assert [one.directory.split("/")[-2] for one in world.cluster.submitted] == ids[:2]
    assert [world.job(job_id).status for job_id in ids] == [JobStatus.PENDING, *[JobStatus.QUEUED] * 3]
    assert [world.attempts(job_id) for job_id in ids[1:]] == [[], [], []]


def test_after_a_broken_connection_the_next_cycle_submits(world: World) -> None:
    job_id = world.add()
    submitter = world.submitter()
    world.cluster.put_fails = Unreachable("the connection broke")
    with pytest.raises(Unreachable):
        submitter.submit_waiting()
    world.cluster.put_fails = None
    assert submitter.submit_waiting() == 1, "the loop has waited already: nothing is left to pause for"
    assert world.job(job_id).status is JobStatus.PENDING


def test_after_a_full_disk_the_next_cycle_waits(world: World) -> None:
    world.add()
    submitter = world.submitter()
    world.cluster.put_fails = RemoteDiskFull("no space left")
    with pytest.raises(RemoteDiskFull):
        submitter.submit_waiting()
    world.cluster.put_fails = None
    assert submitter.submit_waiting() == 0


def test_what_the_settings_no_longer_allow_fails_and_the_rest_goes_on(world: World) -> None:
    good, bad = world.add(name="a"), world.add(name="b")
    world.spoil(bad)
    world.submitter().submit_waiting()
    assert world.job(good).status is JobStatus.PENDING
    failed = world.job(bad)
    assert failed.status is JobStatus.FAILED
    assert failed.failure
    assert failed.failure["code"] == "invalid"


@pytest.mark.parametrize("steps", [100_000_000_000_000, 2**63 - 1])
def test_a_number_that_an_older_version_took_in_fails_its_job_alone(
    world: World, sessions: sessionmaker[Session], steps: int
) -> None:
    good, old = world.add(name="ada"), world.add(name="bob")
    with transaction(sessions) as session:
        job = session.get_one(Job, old)
        job.config = {**job.config, "max_steps": steps, "per_device_train_batch_size": steps}
    world.submitter().submit_waiting()
    assert world.job(good).status is JobStatus.PENDING
    failed = world.job(old)
    assert failed.status is JobStatus.FAILED
    assert "max_steps" in (failed.status_reason or "")


def test_a_secret_is_a_file_of_the_attempt_and_stands_in_no_row(world: World, sessions: sessionmaker[Session]) -> None:
    job_id = world.add()
    with transaction(sessions) as session:
        job = session.get_one(Job, job_id)
        keep_secret(session, job.owner_id, "WANDB_API_KEY", "hidden-value", world.driver.cipher, world.clock())
        job.secrets = ["WANDB_API_KEY"]
    world.submitter().submit_waiting()
    files = world.cluster.submitted[0].files
    assert files["secrets/WANDB_API_KEY"] == b"hidden-value"
    assert not any(b"hidden-value" in content for name, content in files.items() if not name.startswith("secrets/"))
    with sessions() as session:
        texts = session.get_one(AttemptTexts, (job_id, 1))
        assert "hidden-value" not in f"{texts.script}{texts.config_yaml}{session.get_one(Job, job_id).record}"
    assert "hidden-value" not in repr(world.cluster.submitted[0])


def test_a_job_whose_secret_is_gone_fails_with_that_word(world: World, sessions: sessionmaker[Session]) -> None:
    job_id = world.add()
    with transaction(sessions) as session:
        session.get_one(Job, job_id).secrets = ["WANDB_API_KEY"]
    world.submitter().submit_waiting()
    job = world.job(job_id)
    assert job.status is JobStatus.FAILED
    assert "the secret WANDB_API_KEY is gone" in (job.status_reason or "")


def test_a_folder_that_cannot_be_written_is_one_jobs_trouble(world: World, sessions: sessionmaker[Session]) -> None:
    ids = [world.add(name=name) for name in "abc"]
    world.cluster.answers[ids[1]] = SubmissionAnswer("", error=AttemptUnwritable("its folder cannot be written"))
    submitter = world.submitter()
    submitter.submit_waiting()
    assert [world.job(job_id).status for job_id in ids] == [JobStatus.PENDING, JobStatus.QUEUED, JobStatus.PENDING]
    later = world.add(name="d")
    assert submitter.submit_waiting() == 1, "the site is not given a pause, and the job waits by itself"
    assert world.job(later).status is JobStatus.PENDING
    job = world.job(ids[1])
    assert (job.attempt, world.attempts(ids[1])) == (0, [])
    assert "its folder cannot be written" in (job.status_reason or "")
    del world.cluster.answers[ids[1]]
    world.clock.advance(FIRST_PAUSE.total_seconds())
    assert submitter.submit_waiting() == 1
    assert world.job(ids[1]).status is JobStatus.PENDING
    with sessions() as session:
        assert session.scalars(select(Trouble)).all() == []


def test_each_failure_makes_the_jobs_pause_longer(world: World, sessions: sessionmaker[Session]) -> None:
    job_id = world.add()
    world.cluster.answers[job_id] = SubmissionAnswer("", error=AttemptUnwritable("no"))
    submitter = world.submitter()
    for _ in range(3):
        assert submitter.submit_waiting() == 1
        world.clock.advance(pause(3).total_seconds())
    with sessions() as session:
        assert [row.failures for row in session.scalars(select(Trouble))] == [3]
        assert len(session.scalars(select(JobEvent).where(JobEvent.type == "warning")).all()) == 1


def test_a_worker_that_lost_its_lease_submits_nothing(world: World) -> None:
    job_id = world.add()
    world.lose_lease()
    with pytest.raises(LeaseLost):
        world.submitter().submit_waiting()
    assert world.cluster.submitted == []
    assert world.job(job_id).status is JobStatus.QUEUED


EARLIER = {
    "adopted": SubmissionAnswer("", 77, was_begun=False, is_earlier=True),
    "given up": SubmissionAnswer("", None, was_begun=False, is_earlier=True),
    "beside": SubmissionAnswer("", None, was_begun=False),
}


def test_after_a_restored_database_earlier_submissions_count(world: World) -> None:
    jobs = {name: world.add(name=name) for name in EARLIER}
    world.cluster.answers = {jobs[name]: answer for name, answer in EARLIER.items()}
    submitter = world.submitter()
    submitter.submit_waiting()
    assert {name: world.job(job_id).status for name, job_id in jobs.items()} == {
        "adopted": JobStatus.PENDING,
        "given up": JobStatus.QUEUED,
        "beside": JobStatus.QUEUED,
    }
    assert world.attempts(jobs["adopted"]) == [(1, 77)]
    world.cluster.answers = {}
    submitter.submit_waiting()
    assert [number for number, _ in world.attempts(jobs["given up"])] == [2], "its number is left out"
    assert [number for number, _ in world.attempts(jobs["beside"])] == [1]
