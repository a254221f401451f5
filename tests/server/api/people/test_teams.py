"""Teams and their members over HTTP."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import make_job
from tuning.db.engine import transaction
from tuning.people import teams
from tuning.people.models import Team, User

People = Mapping[str, TestClient]


def test_a_team_is_made_with_its_members(people: People) -> None:
    body = {"name": "nlp", "shares": 3, "members": [{"name": "mia", "shares": 2}, {"name": "ray", "is_lead": True}]}
    made = people["root"].post("/api/v1/teams", json=body)
    assert (made.status_code, made.headers["location"]) == (201, "/api/v1/teams/nlp")
    team = people["vic"].get("/api/v1/teams/nlp").json()
    assert (team["shares"], team["leads"], team["member_count"]) == (3, ["ray"], 2)
    assert [(each["name"], each["shares"], each["is_lead"]) for each in team["members"]] == [
        ("mia", 2, False),
        ("ray", 1, True),
    ]
    listed = people["mia"].get("/api/v1/teams").json()["data"]
    assert [(each["name"], each["member_count"], each["leads"]) for each in listed if each["name"] == "nlp"] == [
        ("nlp", 2, ["ray"])
    ]
    assert people["root"].post("/api/v1/teams", json=body).status_code == 409
    unknown = {"name": "cv", "members": [{"name": "nobody"}]}
    refused = people["root"].post("/api/v1/teams", json=unknown)
    assert (refused.status_code, refused.json()["errors"][0]["loc"]) == (422, ["body", "members", 0, "name"])
    assert people["root"].get("/api/v1/teams/cv").status_code == 404


@pytest.mark.parametrize("shares", [-1, 1_000_001, 1.5, "many"], ids=str)
def test_shares_that_are_none_are_refused(people: People, shares: Any) -> None:
    assert people["root"].patch("/api/v1/teams/mt", json={"shares": shares}).status_code == 422
    assert people["root"].post("/api/v1/teams", json={"name": "cv", "shares": shares}).status_code == 422
    member = people["root"].put("/api/v1/teams/mt/members/mia", json={"shares": shares})
    assert member.status_code == 422


def test_shares_are_an_administrators_affair(people: People) -> None:
    for who in ("lea", "mia"):
        assert people[who].patch("/api/v1/teams/mt", json={"shares": 9}).status_code == 403
    assert people["root"].patch("/api/v1/teams/mt", json={"shares": 0}).json()["shares"] == 0


def test_leads_change_the_members_of_their_own_team(people: People) -> None:
    added = people["lea"].put("/api/v1/teams/mt/members/ray", json={"shares": 4})
    assert [each["shares"] for each in added.json()["members"] if each["name"] == "ray"] == [4]
    assert people["ray"].get("/api/v1/me").json()["teams"] == [
        {"name": name, "is_lead": False} for name in ("lab", "mt", "rl")
    ]
    assert people["lea"].delete("/api/v1/teams/mt/members/ray").status_code == 204
    assert people["lea"].delete("/api/v1/teams/mt/members/ray").status_code == 404
    assert people["lea"].put("/api/v1/teams/rl/members/mia", json={}).status_code == 403
    assert people["mia"].put("/api/v1/teams/mt/members/ray", json={}).status_code == 403
    assert people["lea"].put("/api/v1/teams/mt/members/mia", json={"is_lead": True}).status_code == 403
    assert people["root"].put("/api/v1/teams/mt/members/mia", json={"is_lead": True}).json()["leads"] == ["lea", "mia"]


def test_a_user_is_always_in_a_team(people: People) -> None:
    assert people["root"].delete("/api/v1/teams/lab/members/mia").status_code == 204
    refused = people["root"].delete("/api/v1/teams/mt/members/mia")
    assert (refused.status_code, refused.json()["detail"]) == (409, "mia would be in no team")
    team = people["root"].delete("/api/v1/teams/mt")
    assert (team.status_code, team.json()["detail"]) == (409, "mia would be in no team")


def test_whoever_leaves_the_usual_team_has_another(people: People) -> None:
    assert people["mia"].get("/api/v1/me").json()["default_team"] == "mt"
    assert people["root"].delete("/api/v1/teams/mt").status_code == 204
    assert people["mia"].get("/api/v1/me").json()["default_team"] == "lab"
    assert people["root"].get("/api/v1/teams/mt").status_code == 404


@pytest.mark.parametrize(
    ("bound", "most", "words"),
    [
        ("MOST_TEAMS", 3, "there are 3 teams already"),
        ("MOST_MEMBERS", 2, "the team mt has 2 members already"),
        ("MOST_TEAMS_OF_A_USER", 2, "ray is in 2 teams already"),
    ],
)
def test_teams_and_members_are_bounded(
    people: People, monkeypatch: pytest.MonkeyPatch, bound: str, most: int, words: str
) -> None:
    monkeypatch.setattr(teams, bound, most)
    if bound == "MOST_TEAMS":
        refused = people["root"].post("/api/v1/teams", json={"name": "cv"})
    else:
        refused = people["root"].put("/api/v1/teams/mt/members/ray", json={})
    assert (refused.status_code, refused.json()["detail"]) == (409, words)
    assert people["root"].put("/api/v1/teams/mt/members/mia", json={"shares": 3}).status_code == 200, "who is there"


def test_a_team_with_jobs_is_not_deleted(people: People, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        mt = session.scalars(select(Team).where(Team.name == "mt")).one()
        make_job(session, session.scalars(select(User).where(User.name == "mia")).one(), team_id=mt.id)
    refused = people["root"].delete("/api/v1/teams/mt")
    assert (refused.status_code, refused.json()["detail"]) == (409, "the team mt has jobs")
    assert people["root"].delete("/api/v1/teams/lab").status_code == 409


def test_a_team_or_member_that_is_not_there(people: People) -> None:
    for path in ("/api/v1/teams/nobodys", "/api/v1/teams/%00", "/api/v1/teams/nobodys/members/mia"):
        assert people["root"].delete(path).status_code == 404
    for name in ("nobody", "%00"):
        assert people["root"].put(f"/api/v1/teams/mt/members/{name}", json={}).status_code == 404
