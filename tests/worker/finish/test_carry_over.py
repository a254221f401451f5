"""What a further attempt takes over."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tuning.db.engine import transaction
from tuning.jobs.attempt.inputs import learned_before
from tuning.jobs.models import Attempt, AttemptTexts, FilePosition
from tuning.jobs.output.growth import Position, save_position
from tuning.jobs.status import JobStatus
from tuning.llamafactory.progress.eta_state import EtaState, to_json
from tuning.slurm.attempt_records import ExitRecord
from tuning.ssh.file_listing import OutputFile
from worker.finish.carry_over import carry_over, ended_attempt
from worker.observe.judgement import Ended


def test_the_training_log_is_read_on_and_what_was_learned_is_kept(
    world: World, sessions: sessionmaker[Session]
) -> None:
    job_id = world.add(JobStatus.RUNNING)
    with transaction(sessions) as session:
        attempt = session.get_one(Attempt, (job_id, 1))
        attempt.eta_state = to_json(EtaState(saves=(3.0,)))
        for stream in ("trainer_log", "stderr"):
            save_position(session, job_id, 1, stream, Position(7, 100, 90, 1))
    for _ in range(2):  # a submission that was given back is planned again under its number
        with transaction(sessions) as session:
            carry_over(session, job_id, 2)
            learned = learned_before(session, job_id, 2)
    assert learned
    assert learned.saves == (3.0,)
    with sessions() as session:
        row = session.get_one(FilePosition, (job_id, 2, "trainer_log"))
        assert (row.inode, row.size_bytes, row.offset_bytes, row.bad_lines) == (7, 100, 90, 1)
        assert session.get(FilePosition, (job_id, 2, "stderr")) is None


def test_learning_is_taken_over_from_the_last_attempt_that_slurm_had(
    world: World, sessions: sessionmaker[Session]
) -> None:
    job_id = world.add(JobStatus.RUNNING)
    with transaction(sessions) as session:
        session.get_one(Attempt, (job_id, 1)).eta_state = to_json(EtaState(elapsed_before=88.0))
    with transaction(sessions) as session:
        learned = learned_before(session, job_id, 4)
        assert learned
        assert learned.elapsed_before == 88.0
        attempt = Attempt(job_id=job_id, number=4)
        judgement = Ended(None, "node_fail", None, world.clock(), None)
        assert ended_attempt(session, attempt, judgement, []).count == 2


def test_a_first_attempt_has_nothing_before_it(world: World, sessions: sessionmaker[Session]) -> None:
    job_id = world.add()
    with transaction(sessions) as session:
        carry_over(session, job_id, 1)
        assert learned_before(session, job_id, 1) is None
        assert session.get(FilePosition, (job_id, 1, "trainer_log")) is None


def file(path: str, size: int = 9) -> OutputFile:
    return OutputFile(path, size, 0.0)


def test_the_newest_checkpoint_is_the_newest_with_a_state(session: Session, world: World) -> None:
    record = ExitRecord(7, 0, "n1", 0.0, 0, was_stopped=True)
    judgement = Ended("COMPLETED", "completed", record, world.clock(), "n1")
    files = [
        file("checkpoint-9/trainer_state.json"),
        file("checkpoint-10/trainer_state.json"),
        file("checkpoint-20/trainer_state.json", size=0),
        file("checkpoint-30/optimizer.pt"),
        file("deep/checkpoint-40/trainer_state.json"),
    ]
    attempt = Attempt(job_id="job_1", number=3, stop_sent_at=world.clock(), resumed_step=5)
    found = ended_attempt(session, attempt, judgement, files)
    assert (found.newest_step, found.resumed_step, found.was_stopped, found.was_asked_by_us) == (10, 5, True, True)
    assert ended_attempt(session, attempt, judgement, []).newest_step is None
    assert ended_attempt(session, attempt, judgement, [file("README.md")]).newest_step == 0


@pytest.mark.parametrize(
    ("ran", "script", "is_near"),
    [
        (3600 - 120 - 121, "#SBATCH --time=0-01:00:00\n#SBATCH --signal=B:USR1@120\n", False),
        (3600 - 120 - 50, "#SBATCH --time=0-01:00:00\n#SBATCH --signal=B:USR1@120\n", True),
        (60, "#SBATCH --time=0-00:02:00\n#SBATCH --signal=B:USR1@30\n", True),
        (-3600, "#SBATCH --time=0-01:00:00\n#SBATCH --signal=B:USR1@120\n", True),
        (60, "#!/bin/bash\n", True),
    ],
    ids=["long before", "early", "short limit", "a clock that jumped", "nothing asked"],
)
def test_whether_the_limit_was_near_is_told_by_the_script(
    world: World, sessions: sessionmaker[Session], ran: float, script: str, is_near: bool
) -> None:
    started, job_id = world.clock(), world.add(JobStatus.RUNNING)
    judgement = Ended("COMPLETED", "completed", None, started + timedelta(seconds=ran), "n1")
    with transaction(sessions) as session:
        session.add(AttemptTexts(job_id=job_id, attempt=1, script=f"#!/bin/bash\n{script}", config_yaml=""))
        attempt = session.get_one(Attempt, (job_id, 1))
        attempt.started_at = started
        session.flush()
        assert ended_attempt(session, attempt, judgement, []).was_near_limit is is_near
