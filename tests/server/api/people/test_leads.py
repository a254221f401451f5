"""Actions of leads on their team's jobs."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON, make_job
from tuning.db.engine import transaction
from tuning.jobs.models import Artifact, Job
from tuning.jobs.status import JobStatus
from tuning.people.models import Team, User

People = Mapping[str, TestClient]
CONFIG = {"model_name_or_path": "tiny-qwen2", "dataset": "identity", "stage": "sft", "template": "qwen"}


def ended_job(sessions: sessionmaker[Session], owner: str, team: str) -> str:
    with transaction(sessions) as session:
        team_id = session.scalars(select(Team.id).where(Team.name == team)).one()
        user = session.scalars(select(User).where(User.name == owner)).one()
        job = make_job(session, user, team_id=team_id, status=JobStatus.FAILED, attempt=1, config=CONFIG)
        session.add(Artifact(job_id=job.id, path="checkpoint-5/x", size_bytes=1, modified_at=NOON))
        return job.id


def test_a_retry_keeps_the_team_where_who_retries_is_in_it(people: People, sessions: sessionmaker[Session]) -> None:
    people["root"].patch("/api/v1/users/mia", json={"default_team": "lab"}).raise_for_status()
    own, theirs = ended_job(sessions, "mia", "mt"), ended_job(sessions, "ray", "rl")
    teams = [people["mia"].post(f"/api/v1/jobs/{job_id}/retry").json()["team"] for job_id in (own, theirs)]
    assert teams == ["mt", "lab"]
    assert people["mia"].post(f"/api/v1/jobs/{own}/clone", json={"team": "lab"}).json()["team"] == "lab"


def test_a_retry_of_anothers_job_is_recorded(people: People, sessions: sessionmaker[Session]) -> None:
    job_id = ended_job(sessions, "mia", "mt")
    assert people["lea"].post(f"/api/v1/jobs/{job_id}/retry").json()["owner"] == "lea"
    [entry] = people["root"].get("/api/v1/audit", params={"subject": job_id}).json()["data"]
    assert (entry["actor"], entry["action"], entry["before"]["owner"]) == ("lea", "job.retry", "mia")


def test_a_lead_removes_a_checkpoint_and_the_event_names_them(people: People, sessions: sessionmaker[Session]) -> None:
    job_id = ended_job(sessions, "mia", "mt")
    path = f"/api/v1/jobs/{job_id}/checkpoints/5"
    assert people["ray"].delete(path).status_code == 403
    assert [people["lea"].delete(path).status_code for _ in range(2)] == [202, 202]
    events = [event["message"] for event in people["mia"].get(f"/api/v1/jobs/{job_id}/events").json()["data"]]
    assert events == ["removal of checkpoint 5 asked for by lea"]


def test_a_lead_of_another_team_changes_nothing(people: People, sessions: sessionmaker[Session]) -> None:
    job_id = ended_job(sessions, "ray", "rl")
    for method, path in (("PATCH", ""), ("POST", "/cancel"), ("DELETE", "")):
        answer = people["lea"].request(method, f"/api/v1/jobs/{job_id}{path}", json={"name": "x"} if not path else None)
        assert (answer.status_code, "a lead of its team" in answer.json()["hint"]) == (403, True)
    with sessions() as session:
        assert session.get_one(Job, job_id).cancel_requested_at is None
