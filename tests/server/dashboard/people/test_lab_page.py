"""The page of everybody: teams with use, limits, users, the record of changes."""

from collections.abc import Mapping

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON, make_limit, make_user
from tuning.db.engine import transaction
from tuning.people.audit import Actor, Change, record
from tuning.people.models import User
from tuning.queue.limits.limit import LimitKind

HOSTILE = "<script>alert(1)</script>"


def test_teams_are_told_with_use_and_share(browsers: Mapping[str, TestClient]) -> None:
    html = browsers["mia"].get("/people").text
    assert "above its share" in html
    assert "below its share" in html
    assert "2026-11-21: 40.0 h, mt 30.0 h, rl 10.0 h" in html
    assert "Make a team" not in html


@pytest.mark.parametrize(("asked", "chosen"), [("7", "7 days"), ("90", "90 days"), ("1000", "30 days")])
def test_a_period_is_one_of_three(browsers: Mapping[str, TestClient], asked: str, chosen: str) -> None:
    html = browsers["mia"].get(f"/people?days={asked}").text
    assert f'aria-current="true">{chosen}' in html


def test_a_team_is_found_by_its_name(browsers: Mapping[str, TestClient]) -> None:
    html = browsers["mia"].get("/people?q=R").text
    assert '<a href="/people/teams/rl">' in html
    assert '<a href="/people/teams/mt">' not in html


def test_limits_that_hold_for_oneself_are_told_with_their_use(
    browsers: Mapping[str, TestClient], sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        make_limit(session, LimitKind.GPU_HOURS, 20, team="mt")
        make_limit(session, LimitKind.GPUS, 4, team="rl")
    html = browsers["mia"].get("/people?show=limits").text
    assert "the team mt may use 20 GPU hours in 30 days" in html
    assert "30.0 of 20.0" in html
    assert "more than it allows" in html
    assert "the team rl" not in html
    assert "Set a limit" not in html


def test_an_administrator_may_change_every_limit(
    browsers: Mapping[str, TestClient], sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        made = make_limit(session, LimitKind.GPUS, 4, team="rl").id
    html = browsers["root"].get("/people?show=limits").text
    assert f"DELETE /api/v1/limits/{made}" in html
    assert "PUT /api/v1/limits" in html
    assert 'value="4"' in html


def test_people_are_found_by_name_and_display_name(
    browsers: Mapping[str, TestClient], sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        make_user(session, name="zed").display_name = f"Zoë {HOSTILE}"
    html = browsers["mia"].get("/people?show=people&q=zo%C3%AB").text
    assert '<a href="/people/zed">' in html
    assert '<a href="/people/lea">' not in html
    assert HOSTILE not in html
    assert "Make a user" not in html
    assert "Make a user" in browsers["root"].get("/people?show=people").text


def test_mail_addresses_are_for_administrators(
    browsers: Mapping[str, TestClient], sessions: sessionmaker[Session], users: Mapping[str, User]
) -> None:
    with transaction(sessions) as session:
        session.get_one(User, users["lea"].id).email = "lea@example.org"
    assert "lea@example.org" in browsers["root"].get("/people?show=people").text
    assert "lea@example.org" not in browsers["mia"].get("/people?show=people").text
    assert "lea@example.org" not in browsers["mia"].get("/people/lea").text


def test_the_record_of_changes_is_for_administrators(browsers: Mapping[str, TestClient]) -> None:
    assert browsers["mia"].get("/people?show=audit").status_code == 404
    assert "?show=audit" not in browsers["mia"].get("/people").text
    assert browsers["root"].get("/people?show=audit").status_code == 200


def test_the_record_is_filtered_and_goes_on(
    browsers: Mapping[str, TestClient], sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        for number in range(60):
            record(session, Actor("lea"), Change("team.changed", "team", f"t{number:02d}", after={"n": HOSTILE}), NOON)
        record(session, Actor("ray"), Change("token.created", "token", "tok_of_ray"), NOON)
    html = browsers["root"].get("/people?show=audit&actor=lea&action=team.&since=2026-11-21&until=2026-11-21").text
    assert "t59" in html
    assert "t09" not in html
    assert "tok_of_ray" not in html
    assert HOSTILE not in html
    older = html.split("after=")[-1].split('"')[0].split("&")[0]
    assert "t09" in browsers["root"].get(f"/people?show=audit&actor=lea&after={older}").text


@pytest.mark.parametrize(
    "query", ["show=audit&after=x", "show=audit&after=99999999999999999999", "show=limits&after=x"]
)
def test_an_unknown_cursor_begins_anew(browsers: Mapping[str, TestClient], query: str) -> None:
    assert browsers["root"].get(f"/people?{query}").status_code == 200


def test_what_cannot_be_read_is_said_so(browsers: Mapping[str, TestClient]) -> None:
    for query in ("show=elsewhere", "show=audit&since=yesterday", "q=%00"):
        assert browsers["root"].get(f"/people?{query}").status_code == 422
