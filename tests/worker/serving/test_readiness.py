"""The record of a loaded model becomes the row that requests go by."""

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tests.worker.served_run import ServedRun
from tests.worker.watched_run import events
from tuning.jobs.models import Attempt
from tuning.jobs.serving.keys import start_key
from tuning.jobs.status import JobStatus


@pytest.fixture
def served(world: World, sessions: sessionmaker[Session]) -> ServedRun:
    return ServedRun(world, sessions)


def test_its_key_follows_from_its_token(served: ServedRun) -> None:
    (submitted,) = served.run.cluster.submitted
    assert set(submitted.files) == {"job.sh", "config.yaml", "inside.pyz", "secrets/API_KEY"}
    key = start_key(served.run.driver.cipher, submitted.token)
    assert submitted.files["secrets/API_KEY"] == key.encode()
    assert key.encode() not in submitted.files["job.sh"]


def test_a_loaded_model_has_an_address_and_a_latest_end(served: ServedRun) -> None:
    served.run.slurm_says("RUNNING")
    served.run.look()
    assert (served.server().ready_at, served.run.cluster.reads) == (None, [])
    served.tell()
    served.run.look()
    server, now = served.server(), served.run.world.clock()
    assert (server.node, server.address, server.port, server.ready_at) == ("n1", "n1.cluster", 23456, now)
    job = served.job()
    assert job.expected_end_at is not None
    assert (job.expected_end_at - now).total_seconds() == 8 * 3600
    until = "serving on n1, until 2026-11-21 20:00 UTC at the latest, or until nobody has talked to it for 15 minutes"
    assert job.status_reason == until
    assert events(served.run)[-1] == "job.serving"


def test_its_record_is_read_once(served: ServedRun) -> None:
    served.load()
    served.run.look()
    served.run.look()
    assert served.run.cluster.reads == [f"{served.run.folder}/1/serving"]


def test_a_record_of_another_slurm_job_is_not_believed(served: ServedRun) -> None:
    served.run.slurm_says("RUNNING")
    served.tell(slurm_job_id=99)
    served.run.look()
    assert served.server().ready_at is None


def test_a_record_without_a_port_is_set_aside_with_a_note(served: ServedRun) -> None:
    served.run.slurm_says("RUNNING")
    served.tell("port=22\naddress=n1\n")
    served.run.look()
    assert served.server().ready_at is None
    assert served.job().status is JobStatus.RUNNING
    assert "warning" in events(served.run)


def test_it_is_never_expected_to_say_more(served: ServedRun) -> None:
    served.load()
    with served.sessions() as session:
        assert session.get_one(Attempt, (served.job_id, 1)).quiet_until is None
