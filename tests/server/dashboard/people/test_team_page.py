"""A team's page: members with shares and use, and what its leads may change."""

from collections.abc import Mapping

from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import make_limit, make_webhook
from tuning.db.engine import transaction
from tuning.people.models import User
from tuning.queue.limits.limit import LimitKind


def test_members_are_told_with_shares_and_use(browsers: Mapping[str, TestClient]) -> None:
    html = browsers["ray"].get("/people/teams/mt").text
    assert '<a href="/people/lea">' in html
    assert "30.0" in html
    assert "data-call" not in html
    assert "Tools" not in html


def test_a_lead_changes_members_tools_and_webhooks(
    browsers: Mapping[str, TestClient], sessions: sessionmaker[Session], users: Mapping[str, User]
) -> None:
    with transaction(sessions) as session:
        make_webhook(session, users["lea"], team_id=users["lea"].default_team_id, url="https://hooks.example.org/mt")
        make_webhook(session, users["lea"], url="https://hooks.example.org/of-lea")
    html = browsers["lea"].get("/people/teams/mt").text
    for words in (
        "PUT /api/v1/teams/mt/members/mia",
        "DELETE /api/v1/teams/mt/members/mia",
        "PUT /api/v1/teams/mt/members/{user}",
        '<input type="hidden" name="team" value="mt">',
        "https://hooks.example.org/mt",
    ):
        assert words in html
    assert "of-lea" not in html
    assert "is_lead" not in html
    assert "PATCH /api/v1/teams/mt" not in html
    assert "data-call" not in browsers["lea"].get("/people/teams/rl").text


def test_an_administrator_changes_shares_and_leads_too(browsers: Mapping[str, TestClient]) -> None:
    html = browsers["root"].get("/people/teams/mt").text
    for words in ("PATCH /api/v1/teams/mt", "DELETE /api/v1/teams/mt", 'name="is_lead"'):
        assert words in html


def test_tokens_of_a_teams_tools_are_those_of_that_team(browsers: Mapping[str, TestClient]) -> None:
    for team, tool in (("mt", "nightly"), ("rl", "daily")):
        made = browsers["root"].post("/api/v1/tokens", json={"name": "cron", "tool": tool, "team": team})
        assert made.status_code == 201
    html = browsers["root"].get("/people/teams/mt").text
    assert "nightly" in html
    assert "daily" not in html


def test_its_limits_are_told(browsers: Mapping[str, TestClient], sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        make_limit(session, LimitKind.GPUS, 8, team="mt")
        make_limit(session, LimitKind.GPUS, 4, team="rl")
    html = browsers["mia"].get("/people/teams/mt").text
    assert "the team mt may have 8 GPUs at once" in html
    assert "the team rl" not in html


def test_a_lead_sets_limits_of_members(browsers: Mapping[str, TestClient], sessions: sessionmaker[Session]) -> None:
    wanted = {"subject_kind": "member", "team": "mt", "subject": "mia", "kind": "gpus", "amount": 2}
    made = browsers["lea"].put("/api/v1/limits", json=wanted).json()
    with transaction(sessions) as session:
        of_team = make_limit(session, LimitKind.GPUS, 8, team="mt").id
    html = browsers["lea"].get("/people/teams/mt").text
    assert f"DELETE /api/v1/limits/{made['id']}" in html
    assert f"DELETE /api/v1/limits/{of_team}" not in html
    assert '<input type="hidden" name="subject_kind" value="member">' in html
    assert "PUT /api/v1/limits" not in browsers["mia"].get("/people/teams/mt").text
    assert made["words"] in browsers["mia"].get("/people?show=limits").text


def test_no_team_is_at_an_unknown_name(browsers: Mapping[str, TestClient]) -> None:
    assert browsers["mia"].get("/people/teams/nobody").status_code == 404
