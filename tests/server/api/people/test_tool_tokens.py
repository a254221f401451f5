"""Tokens of tools that belong to a team."""

from collections.abc import Mapping

import pytest
from starlette.testclient import TestClient

People = Mapping[str, TestClient]
NIGHTLY = {"name": "ci", "tool": "nightly", "team": "mt"}
CONFIG = {"model_name_or_path": "tiny-qwen2", "dataset": "identity"}


def bearer(answer: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer['token']}"}


@pytest.mark.parametrize("who", ["lea", "root"])
def test_a_lead_makes_a_tool_whose_jobs_are_the_teams(people: People, anonymous: TestClient, who: str) -> None:
    made = people[who].post("/api/v1/tokens", json=NIGHTLY)
    assert (made.status_code, made.json()["user"], made.json()["scopes"]) == (201, "nightly", ["read", "submit"])
    me = anonymous.get("/api/v1/me", headers=bearer(made.json())).json()
    assert (me["teams"], me["default_team"]) == ([{"name": "mt", "is_lead": False}], "mt")
    job = anonymous.post("/api/v1/jobs", json={"config": CONFIG}, headers=bearer(made.json())).json()
    assert (job["owner"], job["team"]) == ("nightly", "mt")
    assert people["lea"].post(f"/api/v1/jobs/{job['id']}/cancel").status_code == 200
    assert people[who].post("/api/v1/tokens", json=NIGHTLY).json()["user"] == "nightly"
    assert people["vic"].get("/api/v1/users/nightly").json()["is_tool"] is True


def test_leads_see_and_end_the_tokens_of_their_teams_tools(people: People) -> None:
    made = people["root"].post("/api/v1/tokens", json=NIGHTLY).json()
    assert {who for who in people if made["id"] in people[who].get("/api/v1/tokens").text} == {"root", "lea"}
    assert people["mia"].delete(f"/api/v1/tokens/{made['id']}").status_code == 404
    assert people["lea"].delete(f"/api/v1/tokens/{made['id']}").status_code == 204


def test_others_make_no_tools(people: People) -> None:
    for who in ("mia", "ray"):
        assert people[who].post("/api/v1/tokens", json=NIGHTLY).status_code == 403
    assert people["lea"].post("/api/v1/tokens", json={**NIGHTLY, "team": "rl"}).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {**NIGHTLY, "team": "nobodys"},
        {**NIGHTLY, "tool": "mia"},
        {"name": "ci", "tool": "nightly"},
        {"name": "ci", "team": "mt"},
        {**NIGHTLY, "user": "mia"},
        {**NIGHTLY, "tool": "a b"},
        {**NIGHTLY, "expires_at": "2020-01-01T00:00:00Z"},
        {**NIGHTLY, "scopes": ["admin"]},
    ],
    ids=str,
)
def test_a_tool_that_makes_no_sense_is_refused(people: People, body: dict[str, object]) -> None:
    assert people["root"].post("/api/v1/tokens", json=body).status_code == 422


def test_a_tool_stays_in_its_team(people: People) -> None:
    people["root"].post("/api/v1/tokens", json=NIGHTLY)
    assert people["root"].post("/api/v1/tokens", json={**NIGHTLY, "team": "rl"}).status_code == 422
    assert people["root"].put("/api/v1/teams/rl/members/nightly", json={}).status_code == 409
    assert people["root"].delete("/api/v1/teams/mt/members/nightly").status_code == 409
    assert people["root"].patch("/api/v1/users/nightly", json={"role": "administrator"}).status_code == 422
