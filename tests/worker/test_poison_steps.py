"""The steps that are not on every job's way: one of fifty at which each fails holds no other up."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, Seconds, make_attempt, make_dataset, make_job, make_user
from tests.worker.conftest import World
from tests.worker.site import JOBS, House
from tuning.clusters.models import ClusterRow, TrialRow
from tuning.clusters.trials import ask
from tuning.datasets import repository
from tuning.datasets.models import DatasetCopy
from tuning.datasets.repository import mark_staged
from tuning.db.engine import transaction
from tuning.errors import CommandTimedOut
from tuning.jobs.actions.removals import ask_removal
from tuning.jobs.models import Attempt, Job, JobDependency, Removal
from tuning.jobs.status import JobStatus
from tuning.jobs.troubles import LONGEST_PAUSE
from worker.observe import stall, watch
from worker.staging.unused_copies import collect_copies
from worker.submit import dependencies, taken_back
from worker.submit.cluster_cache import KnownCluster
from worker.upkeep import cancel, preemption, removal, trials
from worker.upkeep.snapshot import SnapshotKeeper

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def house(world: World, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(SnapshotKeeper, "refresh_if_old", lambda _: None)
    return House(world, sessions)


class Fault:
    """Makes a function of a module fail as long as `is_there` for arguments that name the culprit."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, culprit: str) -> None:
        self.is_there = True
        function = getattr(owner, name)

        def faulty(*arguments: Any, **named: Any) -> Any:
            if self.is_there and any(culprit in _text(one) for one in arguments):
                raise OverflowError("out of range")
            return function(*arguments, **named)

        monkeypatch.setattr(owner, name, faulty)


def _text(value: object) -> str:
    if isinstance(value, Session):
        return ""
    return value.id if isinstance(value, Job) else repr(value)


def heals(house: House, fault: Fault) -> None:
    fault.is_there = False
    house.world.clock.advance(LONGEST_PAUSE.total_seconds())
    house.cycle.run()


def steps_in_trouble(house: House) -> list[tuple[str, str]]:
    return [(trouble.step, trouble.subject) for trouble in house.troubles()]


def jobs_that_are(house: House, status: JobStatus) -> set[str]:
    with house.sessions() as session:
        return set(session.scalars(select(Job.id).where(Job.status == status)))


def test_dead_ends(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    [awaited] = house.add_jobs(1, status=JobStatus.FAILED)
    with transaction(house.sessions) as session:
        owner = make_user(session, name="eve")
        job_ids = [make_job(session, owner).id for _ in range(JOBS)]
        session.add_all(JobDependency(job_id=job_id, depends_on=awaited) for job_id in job_ids)
    fault = Fault(monkeypatch, dependencies, "transition", job_ids[17])
    house.cycle.run()
    assert jobs_that_are(house, JobStatus.FAILED) == {awaited, *job_ids} - {job_ids[17]}
    assert steps_in_trouble(house) == [("dead_ends", job_ids[17])]
    heals(house, fault)
    assert jobs_that_are(house, JobStatus.FAILED) == {awaited, *job_ids}
    assert house.troubles() == []


def live_jobs(house: House, **columns: Any) -> list[str]:
    with transaction(house.sessions) as session:
        owner = make_user(session, name="eve")
        jobs = [make_job(session, owner, attempt=1, **columns) for _ in range(JOBS)]
        for number, job in enumerate(jobs, start=1):
            job.slurm_job_id = number
            job.progress_at = NOON - timedelta(hours=1)
            quiet_until = NOON - timedelta(hours=1)
            own: dict[str, Any] = {"slurm_job_id": number, "submitted_at": NOON, "quiet_until": quiet_until}
            make_attempt(session, job, last_step=1, **own)
        return [job.id for job in jobs]


def test_cancel(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    job_ids = live_jobs(house, status=JobStatus.PENDING, cancel_requested_at=NOON)
    fault = Fault(monkeypatch, cancel.Canceller, "_is_to_save", job_ids[17])
    house.cycle.run()
    assert set(house.site.cancelled) == set(range(1, JOBS + 1)) - {18}
    assert steps_in_trouble(house) == [("cancel", job_ids[17])]
    heals(house, fault)
    assert set(house.site.cancelled) == set(range(1, JOBS + 1))
    assert house.troubles() == []


def test_the_wish_to_cancel_reaches_what_cannot_be_watched(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    job_ids = live_jobs(house, status=JobStatus.RUNNING, cancel_requested_at=NOON)
    Fault(monkeypatch, watch, "decide", job_ids[17])
    house.cycle.run()
    assert ("watch", job_ids[17]) in steps_in_trouble(house)
    assert 18 in house.site.cancelled


@pytest.mark.parametrize("is_the_nodes", [False, True])
def test_stall(house: House, monkeypatch: pytest.MonkeyPatch, is_the_nodes: bool) -> None:
    """One run is looked after in a cycle: the one that has been quiet for longest, if it does not wait."""
    job_ids = live_jobs(house, status=JobStatus.RUNNING, slurm_state="RUNNING")[:3]
    inspect = house.site.inspect

    def stuck(slurm_job_id: int) -> str:
        if is_the_nodes and slurm_job_id == 1:
            raise CommandTimedOut("its node does not answer")
        return inspect(slurm_job_id)

    monkeypatch.setattr(house.site, "inspect", stuck)
    house.site.state = "RUNNING"
    with transaction(house.sessions) as session:
        for job_id in (job.id for job in session.scalars(select(Job)) if job.id not in job_ids):
            session.get_one(Job, job_id).stalled_since = NOON
    fault = Fault(monkeypatch, stall, "_tell", "nobody" if is_the_nodes else job_ids[0])
    seconds = Seconds()
    watch_of_stalls = stall.StallWatch(house.driver, seconds)
    for _ in range(40):
        watch_of_stalls.tell(job_ids)
        seconds.now += 60.0
    told = [job_id for job_id in job_ids if house.world.job(job_id).stalled_since is not None]
    assert told == job_ids[1:]
    assert steps_in_trouble(house) == [("stall", job_ids[0])]
    fault.is_there, is_the_nodes = False, False
    monkeypatch.setattr(house.site, "inspect", inspect)
    house.world.clock.advance(LONGEST_PAUSE.total_seconds())
    watch_of_stalls.tell(job_ids)
    assert house.world.job(job_ids[0]).stalled_since is not None
    assert house.troubles() == []


def marked(house: House, word: str) -> set[str]:
    with house.sessions() as session:
        return set(session.scalars(select(Attempt.job_id).where(Attempt.ended_by == word)))


def test_take_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    job_ids = live_jobs(house, status=JobStatus.PENDING)[:20]
    fault = Fault(monkeypatch, taken_back, "record_event", job_ids[17])
    taken_back.take_back(house.driver, job_ids)
    assert marked(house, "taken_back") == set(job_ids) - {job_ids[17]}
    assert steps_in_trouble(house) == [("take_back", job_ids[17])]
    fault.is_there = False
    taken_back.take_back(house.driver, job_ids)
    assert job_ids[17] not in marked(house, "taken_back"), "it waits for its next try"
    house.world.clock.advance(LONGEST_PAUSE.total_seconds())
    taken_back.take_back(house.driver, job_ids)
    assert marked(house, "taken_back") == set(job_ids)
    assert house.troubles() == []


def test_make_room(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run yields in the place of the one that fails."""
    ours: dict[str, Any] = {"partition": "gpu", "gpus": 1, "limit_seconds": 36000}
    job_ids = live_jobs(house, status=JobStatus.RUNNING, job_class="scavenger", **ours)
    node = {"name": "n1", "partitions": ["gpu"], "gpus": JOBS, "gpus_in_use": JOBS}
    with transaction(house.sessions) as session:
        session.execute(update(ClusterRow).values(snapshot={"nodes": [node]}, snapshot_at=house.world.clock()))
        urgent = {**ours, "gpus": 3, "job_class": "urgent", "slurm_reason": "Resources", "attempt": 1}
        make_attempt(session, make_job(session, make_user(session, name="urg"), status=JobStatus.PENDING, **urgent))
    known = KnownCluster(house.driver.settings)
    fault = Fault(monkeypatch, preemption, "record_event", max(job_ids))
    for _ in range(2):
        preemption.make_room(house.driver, known)
    yielded = marked(house, "yielded")
    assert len(yielded) == 3
    assert max(job_ids) not in yielded
    assert steps_in_trouble(house) == [("make_room", max(job_ids))]
    fault.is_there = False
    preemption.make_room(house.driver, known)
    assert marked(house, "yielded") == yielded


def ended_with_secrets(house: House) -> list[str]:
    job_ids = house.add_jobs(status=JobStatus.SUCCEEDED)
    with transaction(house.sessions) as session:
        for job_id in job_ids:
            ask_removal(session, job_id, "1/secrets", NOON)
    return job_ids


def left_to_remove(house: House) -> list[str]:
    with house.sessions() as session:
        return list(session.scalars(select(Removal.job_id)))


def test_remove(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    job_ids = ended_with_secrets(house)
    fault = Fault(monkeypatch, removal, "forget_removed", job_ids[17])
    house.cycle.run()
    assert left_to_remove(house) == [job_ids[17]]
    assert steps_in_trouble(house) == [("remove", job_ids[17])]
    heals(house, fault)
    assert left_to_remove(house) == []
    assert house.troubles() == []


def test_folders_that_cannot_be_removed_leave_places_to_others(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "BATCH", 10)
    job_ids = sorted(ended_with_secrets(house))
    house.site.unremovable = {f"/shared/packtrain/jobs/{job_id}/1/secrets" for job_id in job_ids[:30]}
    for _ in range(10):
        house.cycle.run()
    assert sorted(left_to_remove(house)) == job_ids[:30]
    assert len(house.site.removed) == 20 + 2 * 30, "the thirty were tried twice, and wait"
    assert len(house.troubles()) == 30


def test_collect(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = [f"{number:064x}" for number in range(JOBS)]
    with transaction(house.sessions) as session:
        owner = make_user(session)
        for sha256 in contents:
            make_dataset(session, owner, sha256=sha256, deleted_at=NOON)
            mark_staged(session, "lab", sha256, NOON)
    fault = Fault(monkeypatch, repository, "forget_staged", contents[17])
    collect_copies(house.driver)
    assert left_copies(house) == [contents[17]]
    assert len(house.site.removed) == JOBS - 1
    assert steps_in_trouble(house) == [("collect", contents[17])]
    fault.is_there = False
    house.world.clock.advance(LONGEST_PAUSE.total_seconds())
    collect_copies(house.driver)
    assert (left_copies(house), house.troubles()) == ([], [])


def left_copies(house: House) -> list[str]:
    with house.sessions() as session:
        return list(session.scalars(select(DatasetCopy.sha256)))


def test_try_out(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "PAUSE_SECONDS", 0.0)
    scripts = [f"#SBATCH --nodes={number}" for number in range(100, 100 + JOBS)]
    with transaction(house.sessions) as session:
        for script in scripts:
            ask(session, "lab", script, NOON)
    fault = Fault(monkeypatch, trials, "note_answers", scripts[17])
    for _ in range(4):
        house.cycle.run()
    assert unanswered_scripts(house) == [scripts[17]]
    assert [step for step, _ in steps_in_trouble(house)] == ["try_out"]
    heals(house, fault)
    assert (unanswered_scripts(house), house.troubles()) == ([], [])


def unanswered_scripts(house: House) -> Sequence[str]:
    with house.sessions() as session:
        return session.scalars(select(TrialRow.script).where(TrialRow.answered_at.is_(None))).all()
