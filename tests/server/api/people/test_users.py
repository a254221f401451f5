"""Users over HTTP."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.conftest import speak_for
from tests.factories import make_dataset, make_job, make_token, make_webhook
from tuning.datasets.models import Dataset
from tuning.db.engine import transaction
from tuning.jobs.models import Job, JobEvent
from tuning.jobs.status import JobStatus
from tuning.people.models import Team, Token, User

People = Mapping[str, TestClient]


def user_row(session: Session, name: str) -> User:
    return session.scalars(select(User).where(User.name == name)).one()


def test_a_user_is_made_with_teams_and_listed_by_name(people: People) -> None:
    body = {"name": "bob", "display_name": "Bob B.", "email": "bob@lab.example", "teams": ["rl", "mt"]}
    made = people["root"].post("/api/v1/users", json=body)
    assert (made.status_code, made.headers["location"]) == (201, "/api/v1/users/bob")
    assert made.json() | {"created_at": None} == {
        "name": "bob",
        "display_name": "Bob B.",
        "email": "bob@lab.example",
        "role": "member",
        "is_tool": False,
        "teams": [{"name": "mt", "is_lead": False, "shares": 1}, {"name": "rl", "is_lead": False, "shares": 1}],
        "default_team": "rl",
        "disabled": False,
        "created_at": None,
    }
    first = people["mia"].get("/api/v1/users", params={"limit": 2}).json()
    rest = people["mia"].get("/api/v1/users", params={"after": first["next"]}).json()
    names = [user["name"] for user in (*first["data"], *rest["data"])]
    assert names == sorted(names)
    assert {"bob", "lea", "mia", "ray", "root", "vic"} <= set(names)
    assert people["root"].post("/api/v1/users", json=body).status_code == 409


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"teams": []}, ["teams"]),
        ({"teams": ["mt", "nobodys"]}, ["teams", 1]),
        ({"teams": ["mt"], "default_team": "rl"}, ["default_team"]),
    ],
    ids=str,
)
def test_a_user_without_a_team_or_of_an_unknown_one_is_refused(
    people: People, body: dict[str, Any], loc: list[str]
) -> None:
    answer = people["root"].post("/api/v1/users", json={"name": "bob", **body})
    assert answer.status_code == 422
    assert [error["loc"] for error in answer.json()["errors"]] == [["body", *loc]]


def test_addresses_are_shown_to_the_user_and_to_administrators(people: People) -> None:
    assert people["mia"].patch("/api/v1/users/mia", json={"email": "mia@lab.example"}).status_code == 200
    seen = {name: people[name].get("/api/v1/users/mia").json()["email"] for name in ("mia", "root", "lea", "ray")}
    assert seen == {"mia": "mia@lab.example", "root": "mia@lab.example", "lea": None, "ray": None}


def test_users_change_only_little_and_only_of_themselves(people: People) -> None:
    assert people["mia"].patch("/api/v1/users/mia", json={"default_team": "lab"}).json()["default_team"] == "lab"
    assert people["mia"].get("/api/v1/me").json()["default_team"] == "lab"
    assert people["mia"].patch("/api/v1/users/mia", json={"default_team": "rl"}).status_code == 422
    assert people["mia"].patch("/api/v1/users/mia", json={"role": "administrator"}).status_code == 403
    assert people["mia"].patch("/api/v1/users/lea", json={"display_name": "L"}).status_code == 403
    assert people["lea"].patch("/api/v1/users/mia", json={"disabled": True}).status_code == 403
    cleared = people["mia"].patch("/api/v1/users/mia", json={"display_name": "Mia"}).json()["display_name"]
    assert (cleared, people["mia"].patch("/api/v1/users/mia", json={"display_name": ""}).json()["display_name"]) == (
        "Mia",
        None,
    )


def test_nobody_demotes_disables_or_deletes_themselves(people: People) -> None:
    assert people["root"].patch("/api/v1/users/lea", json={"role": "administrator"}).status_code == 200
    for change in ({"role": "member"}, {"disabled": True}):
        assert people["root"].patch("/api/v1/users/root", json=change).status_code == 409
    assert people["root"].delete("/api/v1/users/root").status_code == 409


def test_the_last_administrator_stays(people: People, sessions: sessionmaker[Session], anonymous: TestClient) -> None:
    assert people["root"].patch("/api/v1/users/lea", json={"role": "administrator"}).status_code == 200
    with transaction(sessions) as session:
        other = speak_for(anonymous, sessions, user_row(session, "lea"))
    assert other.patch("/api/v1/users/root", json={"role": "member"}).status_code == 200
    with transaction(sessions) as session:
        root = user_row(session, "root")
        root.disabled_at = None
    assert people["root"].patch("/api/v1/users/lea", json={"role": "member"}).status_code == 403
    assert other.patch("/api/v1/users/lea", json={"role": "member"}).status_code == 409


def test_a_viewer_is_told_why_nothing_can_be_changed(people: People) -> None:
    config = {"model_name_or_path": "tiny-qwen2", "dataset": "identity"}
    refused = people["vic"].post("/api/v1/jobs", json={"config": config})
    assert (refused.status_code, refused.json()["detail"]) == (403, "viewers look, and change nothing")
    assert "administrator" in refused.json()["hint"]
    assert people["vic"].get("/api/v1/jobs").status_code == 200
    assert people["vic"].get("/api/v1/me").json()["role"] == "viewer"


def test_switching_off_holds_what_waits_and_ends_tokens(people: People, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        mia = user_row(session, "mia")
        queued, running = make_job(session, mia).id, make_job(session, mia, status=JobStatus.RUNNING, attempt=1).id
        pending = make_job(session, mia, status=JobStatus.PENDING, attempt=1).id
        others = make_job(session, user_row(session, "ray")).id
    assert people["root"].patch("/api/v1/users/mia", json={"disabled": True}).json()["disabled"] is True
    assert people["mia"].patch("/api/v1/users/mia", json={"display_name": "x"}).status_code == 401
    jobs = (queued, running, pending, others)
    shown = {job_id: people["root"].get(f"/api/v1/jobs/{job_id}").json() for job_id in jobs}
    assert (shown[queued]["status"], shown[queued]["status_reason"]) == ("held", "mia is switched off")
    assert (shown[running]["status"], shown[running]["cancel_requested_at"]) == ("running", None)
    assert "mia is switched off" in shown[pending]["status_reason"]
    assert shown[others]["status"] == "queued"
    assert people["root"].patch("/api/v1/users/mia", json={"disabled": False}).json()["disabled"] is False
    assert people["root"].get(f"/api/v1/jobs/{queued}").json()["status"] == "held"
    assert people["root"].post("/api/v1/tokens", json={"name": "x", "user": "mia"}).status_code == 201


def test_switching_off_may_cancel_what_runs(people: People, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        running = make_job(session, user_row(session, "mia"), status=JobStatus.RUNNING, attempt=1).id
    assert people["root"].patch("/api/v1/users/mia", json={"running": "cancel"}).status_code == 422
    change = {"disabled": True, "running": "cancel"}
    assert people["root"].patch("/api/v1/users/mia", json=change).status_code == 200
    assert people["root"].get(f"/api/v1/jobs/{running}").json()["cancel_requested_at"] is not None


def test_no_token_is_made_for_who_is_switched_off(people: People) -> None:
    people["root"].patch("/api/v1/users/mia", json={"disabled": True})
    refused = people["root"].post("/api/v1/tokens", json={"name": "x", "user": "mia"})
    assert (refused.status_code, refused.json()["detail"]) == (409, "mia is switched off")


def test_deleting_hands_jobs_and_data_to_somebody(people: People, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        mia = user_row(session, "mia")
        job = make_job(session, mia, idempotency_key="k")
        job_id, dataset_id = job.id, make_dataset(session, mia, job=job).id
        make_job(session, user_row(session, "lea"), idempotency_key="k")
        make_token(session, mia)
    nobody = people["root"].delete("/api/v1/users/mia")
    assert nobody.status_code == 422
    assert "1 jobs and 1 data sets" in nobody.text
    for receiver in ("nobody", "mia", "vic"):
        refused = people["root"].delete("/api/v1/users/mia", params={"hand_jobs_to": receiver})
        assert refused.status_code == 422, receiver
    assert people["root"].delete("/api/v1/users/mia", params={"hand_jobs_to": "lea"}).status_code == 204
    assert people["root"].get("/api/v1/users/mia").status_code == 404
    assert people["mia"].get("/api/v1/users/mia").status_code in (401, 404)
    assert people["root"].get(f"/api/v1/jobs/{job_id}").json()["owner"] == "lea"
    with transaction(sessions) as session:
        lea = user_row(session, "lea")
        assert session.get_one(Dataset, dataset_id).owner_id == lea.id
        assert session.get_one(Job, job_id).idempotency_key is None
        told = session.scalars(select(JobEvent.message).where(JobEvent.job_id == job_id)).all()
        assert told == ["handed from mia to lea by root"]
        names = session.scalars(select(User.name).join(Token, Token.user_id == User.id)).all()
        assert "mia" not in names


@pytest.mark.parametrize("receiver", ["lea", None])
def test_a_team_keeps_the_webhooks_of_a_lead_who_is_deleted(
    people: People, sessions: sessionmaker[Session], receiver: str | None
) -> None:
    with transaction(sessions) as session:
        mia, mt = user_row(session, "mia"), session.scalars(select(Team).where(Team.name == "mt")).one()
        own, teams = make_webhook(session, mia).id, make_webhook(session, mia, team_id=mt.id).id
    people["root"].delete("/api/v1/users/mia", params={"hand_jobs_to": receiver} if receiver else {})
    left = people["root"].get("/api/v1/webhooks").json()["data"]
    assert [(webhook["id"], webhook["user"], webhook["team"]) for webhook in left] == [
        (teams, receiver or "root", "mt")
    ]
    assert people["root"].get(f"/api/v1/webhooks/{own}").status_code == 404


def test_a_user_with_jobs_in_slurm_is_not_deleted(people: People, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        make_job(session, user_row(session, "mia"), status=JobStatus.RUNNING, attempt=1)
    refused = people["root"].delete("/api/v1/users/mia", params={"hand_jobs_to": "lea"})
    assert (refused.status_code, refused.json()["detail"]) == (409, "Slurm has 1 jobs of mia")


@pytest.mark.parametrize("name", ["nobody", "%00", "a%20b", "%F0%9F%98%80"])
def test_a_user_who_is_not_there(people: People, name: str) -> None:
    for method in ("GET", "DELETE"):
        assert people["root"].request(method, f"/api/v1/users/{name}").status_code == 404
