"""The record of changes over HTTP: each change of people, tokens, secrets, names and others' jobs is in it."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import make_job
from tuning.db.engine import transaction
from tuning.people.models import Team, User

People = Mapping[str, TestClient]


def audit(people: People, **filters: Any) -> list[dict[str, Any]]:
    answer = people["root"].get("/api/v1/audit", params=filters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def test_a_change_of_a_user_says_who_from_where_before_and_after(people: People) -> None:
    people["root"].patch("/api/v1/users/mia", json={"role": "viewer"})
    [entry] = audit(people, subject="mia")
    me = people["root"].get("/api/v1/me").json()
    assert (entry["actor"], entry["token_id"], entry["address"]) == ("root", me["token_id"], "testclient")
    assert (entry["action"], entry["subject_kind"]) == ("user.changed", "user")
    assert (entry["before"]["role"], entry["after"]["role"]) == ("member", "viewer")


def test_what_people_do_is_recorded_without_a_secret_value(people: People) -> None:
    token = people["mia"].post("/api/v1/tokens", json={"name": "laptop"}).json()
    people["mia"].delete(f"/api/v1/tokens/{token['id']}")
    people["mia"].put("/api/v1/secrets/HF_TOKEN", json={"value": "hf_very_secret"})
    people["mia"].delete("/api/v1/secrets/HF_TOKEN")
    people["root"].put("/api/v1/models/aliases", json={"alias": "qwen", "model": "tiny-qwen2"})
    people["root"].delete("/api/v1/models/aliases", params={"alias": "qwen"})
    people["lea"].put("/api/v1/teams/mt/members/ray", json={"shares": 2})
    people["lea"].delete("/api/v1/teams/mt/members/ray")
    people["root"].patch("/api/v1/teams/mt", json={"shares": 5})
    people["root"].patch("/api/v1/users/ray", json={"disabled": True})
    people["root"].patch("/api/v1/users/ray", json={"disabled": False})
    people["root"].delete("/api/v1/users/ray")
    whole = audit(people, limit=500)
    assert [(entry["actor"], entry["action"], entry["subject"]) for entry in reversed(whole)][-12:] == [
        ("mia", "token.created", token["id"]),
        ("mia", "token.revoked", token["id"]),
        ("mia", "secret.set", "HF_TOKEN"),
        ("mia", "secret.deleted", "HF_TOKEN"),
        ("root", "alias.set", "qwen"),
        ("root", "alias.removed", "qwen"),
        ("lea", "member.set", "mt"),
        ("lea", "member.removed", "mt"),
        ("root", "team.changed", "mt"),
        ("root", "user.disabled", "ray"),
        ("root", "user.enabled", "ray"),
        ("root", "user.deleted", "ray"),
    ]
    for secret in ("hf_very_secret", token["token"]):
        assert secret not in str(whole)


def test_what_was_refused_leaves_no_entry(people: People) -> None:
    before = len(audit(people))
    people["lea"].patch("/api/v1/users/mia", json={"disabled": True})
    people["root"].delete("/api/v1/users/root")
    people["root"].patch("/api/v1/teams/mt", json={"shares": 1})
    assert len(audit(people)) == before


def test_actions_on_others_jobs_are_recorded_and_ones_own_are_not(
    people: People, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        mt = session.scalars(select(Team).where(Team.name == "mt")).one()
        mia = session.scalars(select(User).where(User.name == "mia")).one()
        job_id = make_job(session, mia, team_id=mt.id).id
    job = f"/api/v1/jobs/{job_id}"
    assert people["mia"].post(f"{job}/hold").status_code == 200
    assert audit(people, subject=job_id) == []
    assert people["lea"].post(f"{job}/release").status_code == 200
    assert people["lea"].patch(job, json={"priority": 5}).status_code == 200
    assert people["lea"].post(f"{job}/hold").status_code == 200
    assert people["lea"].post(f"{job}/cancel").status_code == 200
    assert people["lea"].delete(job).status_code == 204
    found = audit(people, subject=job_id)
    assert [(entry["actor"], entry["action"]) for entry in reversed(found)] == [
        ("lea", f"job.{action}") for action in ("release", "change", "hold", "cancel", "delete")
    ]
    assert {entry["before"]["owner"] for entry in found} == {"mia"}
    changed = found[3]
    assert (changed["before"]["priority"], changed["after"]["priority"]) == (0, 5)


def test_entries_are_filtered_and_have_pages(people: People) -> None:
    for shares in range(2, 7):
        people["root"].patch("/api/v1/teams/mt", json={"shares": shares})
    people["mia"].put("/api/v1/secrets/HF_TOKEN", json={"value": "x"})
    assert {entry["actor"] for entry in audit(people, actor="mia")} == {"mia"}
    assert {entry["action"] for entry in audit(people, action="team.")} == {"team.changed"}
    assert audit(people, to="2026-11-21T12:00:00Z") == []
    assert len(audit(people, **{"from": "2026-11-21T12:00:00Z", "action": "team."})) == 5
    first = people["root"].get("/api/v1/audit", params={"action": "team.", "limit": 3}).json()
    rest = people["root"].get("/api/v1/audit", params={"action": "team.", "limit": 3, "after": first["next"]}).json()
    assert [entry["after"]["shares"] for entry in (*first["data"], *rest["data"])] == [6, 5, 4, 3, 2]
    assert (first["has_more"], rest["has_more"], rest["next"]) == (True, False, None)


@pytest.mark.parametrize("who", ["mia", "lea", "vic"])
def test_the_record_is_for_administrators(people: People, who: str) -> None:
    assert people[who].get("/api/v1/audit").status_code == 403
