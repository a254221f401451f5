"""What a step of a cycle finds out, the next submission goes by."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import Seconds
from tests.worker.conftest import World
from tuning.clusters.models import ClusterRow
from tuning.db.engine import transaction
from tuning.jobs.models import Attempt, AttemptTexts
from tuning.jobs.status import JobStatus
from tuning.llamafactory.progress.eta_state import EtaState, to_json
from worker import cycle
from worker.cycle import QUIET_SECONDS, Cycle
from worker.upkeep.snapshot import SnapshotKeeper


class Findings:
    """What the cluster says of itself, and how long a job's save took, as the steps of a cycle write it down."""

    def __init__(self, world: World, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> None:
        self.image_digest, self.save_seconds = "sha256:1", 0.0
        self._sessions, self._saver = sessions, world.add(JobStatus.SUCCEEDED)
        monkeypatch.setattr(SnapshotKeeper, "refresh_if_old", lambda _: self._describe())
        monkeypatch.setattr(cycle, "watch", lambda _: self._save())

    def _describe(self) -> None:
        with transaction(self._sessions) as session:
            row = session.scalars(select(ClusterRow)).one()
            row.snapshot = {**(row.snapshot or {}), "image_digest": self.image_digest}

    def _save(self) -> None:
        with transaction(self._sessions) as session:
            attempt = session.get_one(Attempt, (self._saver, 1))
            attempt.eta_state = to_json(EtaState(saves=(self.save_seconds,)))


def made_in(world: World, job_id: str) -> object:
    record = world.job(job_id).record
    assert record is not None
    return record["image_digest"]


def test_a_job_between_two_cycles_is_made_by_what_the_last_one_found(
    world: World, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = Findings(world, sessions, monkeypatch)
    cycle = Cycle(world.driver)
    world.add(name="alan")
    cycle.run()  # what is known is asked for in it, before the save
    findings.save_seconds = 200.0
    world.add(name="grace")
    findings.image_digest = "sha256:2"
    cycle.run()
    job_id = world.add(name="edsger")
    cycle.run_urgent()
    assert made_in(world, job_id) == "sha256:2"
    with sessions() as session:
        assert "--signal=B:USR1@630" in session.get_one(AttemptTexts, (job_id, 1)).script


def test_a_job_of_a_cycle_is_made_by_what_the_cluster_has_just_said(
    world: World, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = Findings(world, sessions, monkeypatch)
    cycle = Cycle(world.driver)
    cycle.run()
    world.add(name="alan")
    cycle.run_urgent()
    findings.image_digest = "sha256:2"
    job_id = world.add(name="grace")
    cycle.run()
    assert made_in(world, job_id) == "sha256:2"


def test_the_urgent_part_is_due_once_a_while_where_nobody_writes(world: World) -> None:
    seconds = Seconds()
    steps = Cycle(world.driver, seconds)
    seen = []
    for _ in range(4):
        seen.append(steps.is_urgent_due())
        seconds.now += QUIET_SECONDS / 2
    steps.run_urgent()
    assert (seen, steps.is_urgent_due()) == ([False, False, True, True], False)
