"""The script and the configuration of a job."""

from typing import Any

from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import make_attempt, make_attempt_texts, make_job
from tuning.db.engine import transaction
from tuning.jobs.status import JobStatus
from tuning.llamafactory.progress.eta_state import EtaState, to_json
from tuning.people.models import User

CONFIG = {"model_name_or_path": "tiny-qwen2", "dataset": "identity", "template": "qwen"}
REQUEST: dict[str, Any] = {
    "config": {**CONFIG, "lora_rank": "8", "output_dir": "saves/x"},
    "resources": {"nodes": 2, "gpus_per_node": 4, "time_limit": "02:30:00"},
}


def test_what_was_submitted_is_shown_as_it_was(client: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        job = make_job(session, user, status=JobStatus.RUNNING, attempt=2)
        for number, script, config_yaml in ((1, "first", "one"), (2, "second", "two")):
            make_attempt(session, job, number=number)
            make_attempt_texts(session, job, script, config_yaml, number=number)
    path = f"/api/v1/jobs/{job.id}"
    assert client.get(f"{path}/script").text == "second"
    assert client.get(f"{path}/config").text == "two"
    assert client.get(f"{path}/script?attempt=1").text == "first"
    assert client.get(f"{path}/script?attempt=9").status_code == 404
    assert client.get(f"{path}/script?attempt=0").status_code == 422


def test_a_job_that_the_settings_no_longer_allow_says_so(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    with transaction(sessions) as session:
        gone = make_job(session, user, cluster="gone")
        outside = make_job(session, user, config={**CONFIG, "model_name_or_path": "/old/models/x"})
    for job in (gone, outside):
        assert client.get(f"/api/v1/jobs/{job.id}/script").status_code == 409


def test_the_next_attempt_is_shown_with_what_the_last_has_shown(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    with transaction(sessions) as session:
        job = make_job(session, user, status=JobStatus.HELD, attempt=1, config=CONFIG)
        make_attempt(session, job, eta_state=to_json(EtaState(saves=(300.0,))))
    shown = client.get(f"/api/v1/jobs/{job.id}/script?attempt=2").text
    assert "--signal=B:USR1@930" in shown
