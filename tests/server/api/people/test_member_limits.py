"""Leads set limits of their team's members: never wider than others, recorded, and of nobody else."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON, make_attempt, make_job, make_limit
from tuning.db.engine import transaction
from tuning.jobs.actions import limits
from tuning.jobs.status import JobStatus
from tuning.people.models import Team, User
from tuning.queue.limits.limit import LimitKind

People = Mapping[str, TestClient]
CONFIG = {"model_name_or_path": "tiny-qwen2", "dataset": "identity", "template": "qwen"}
MIA = {"subject_kind": "member", "team": "mt", "subject": "mia", "kind": "gpus", "amount": 2}


def put(client: TestClient, **fields: Any) -> Any:
    answer = client.put("/api/v1/limits", json={**MIA, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(client: TestClient, **fields: Any) -> tuple[int, str]:
    """Status, and the first error's place and words."""
    answer = client.put("/api/v1/limits", json={**MIA, **fields})
    body = answer.json()
    errors = [f"{each['loc'][-1]}: {each['message']}" for each in body.get("errors", [])]
    return answer.status_code, errors[0] if errors else body["detail"]


def gpus(client: TestClient, gpus: int, team: str = "mt") -> int:
    resources = {"gpus_per_node": gpus, "time_limit": "01:00:00", "partition": "gpu"}
    return client.post("/api/v1/jobs", json={"config": CONFIG, "resources": resources, "team": team}).status_code


def test_a_lead_sets_and_removes_a_limit_of_a_member(people: People) -> None:
    made = put(people["lea"])
    assert (made["subject_kind"], made["team"], made["subject"]) == ("member", "mt", "mia")
    assert made["words"] == "mia of the team mt may have 2 GPUs at once"
    for who in ("lea", "mia", "root"):
        assert [each["id"] for each in people[who].get("/api/v1/limits").json()["data"]] == [made["id"]]
    assert people["ray"].get("/api/v1/limits").json()["data"] == []
    assert (gpus(people["mia"], 3), gpus(people["mia"], 2)) == (422, 201)
    assert people["lea"].delete(f"/api/v1/limits/{made['id']}").status_code == 204
    assert gpus(people["mia"], 3) == 201
    assert people["lea"].delete(f"/api/v1/limits/{made['id']}").status_code == 404


def test_it_holds_for_the_jobs_of_that_team_alone(people: People) -> None:
    people["root"].put("/api/v1/teams/rl/members/mia", json={}).raise_for_status()
    put(people["lea"])
    assert (gpus(people["mia"], 3, "mt"), gpus(people["mia"], 3, "rl")) == (422, 201)


def test_changes_are_recorded_with_the_lead(people: People) -> None:
    made = put(people["lea"])
    put(people["lea"], amount=1)
    people["lea"].delete(f"/api/v1/limits/{made['id']}").raise_for_status()
    entries = people["root"].get("/api/v1/audit", params={"subject": made["id"]}).json()["data"]
    assert [(each["actor"], each["action"]) for each in entries] == [
        ("lea", "limit.removed"),
        ("lea", "limit.changed"),
        ("lea", "limit.set"),
    ]
    assert entries[1]["before"] == {"subject_kind": "member", "subject": "mt/mia", "kind": "gpus", "amount": 2}


@pytest.mark.parametrize("who", ["mia", "ray", "vic"])
def test_nobody_else_sets_or_removes_it(people: People, who: str) -> None:
    made = put(people["root"])
    assert refused(people[who])[0] == 403
    assert people[who].delete(f"/api/v1/limits/{made['id']}").status_code == 403


def test_a_lead_sets_no_other_limits(people: People) -> None:
    team = people["root"].put(
        "/api/v1/limits", json={"subject_kind": "team", "subject": "mt", "kind": "gpus", "amount": 8}
    )
    only = "only administrators set and remove limits, and leads those of members of their teams"
    for other in (
        {"subject_kind": "team", "team": None, "subject": "mt"},
        {"subject_kind": "user", "team": None, "subject": "mia"},
        {"subject_kind": "everybody", "team": None, "subject": None},
        {"team": "rl", "subject": "ray"},
    ):
        assert refused(people["lea"], **other) == (403, only)
    assert people["lea"].delete(f"/api/v1/limits/{team.json()['id']}").status_code == 403


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"team": "mt"}, "the team mt may have 8 GPUs at once"),
        ({"user": "mia"}, "the user mia may have 8 GPUs at once"),
        ({"user": "*"}, "the user mia may have 8 GPUs at once"),
        ({}, "everybody together may have 8 GPUs at once"),
    ],
)
def test_it_is_never_wider_than_those_of_others(
    people: People, sessions: sessionmaker[Session], place: dict[str, str], words: str
) -> None:
    with transaction(sessions) as session:
        make_limit(session, LimitKind.GPUS, 8, **place)
        make_limit(session, LimitKind.RUNNING_JOBS, 1, **place)
    wider = f"amount: {words}: a limit of its member may not be wider"
    assert refused(people["lea"], amount=9) == refused(people["lea"], amount=9, cluster="lab") == (422, wider)
    put(people["lea"], amount=8)
    put(people["lea"], amount=7)


def test_a_wider_one_that_was_narrower_once_widens_nothing(people: People, sessions: sessionmaker[Session]) -> None:
    put(people["lea"], amount=4)
    with transaction(sessions) as session:
        make_limit(session, LimitKind.GPUS, 1, team="mt")
    assert (gpus(people["mia"], 2), gpus(people["mia"], 1)) == (422, 201)


def test_one_for_each_member_is_replaced_by_a_members_own(people: People) -> None:
    put(people["lea"], subject="*", amount=1)
    put(people["lea"], amount=2)
    assert (gpus(people["mia"], 2), gpus(people["lea"], 2)) == (201, 422)


def test_use_of_one_for_each_is_told_by_who_uses_most(people: People, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        mia = session.scalars(select(User).where(User.name == "mia")).one()
        mt = session.scalars(select(Team).where(Team.name == "mt")).one()
        job = make_job(session, mia, team_id=mt.id, status=JobStatus.RUNNING, attempt=1, gpus=3)
        make_attempt(session, job, started_at=NOON)
    made = put(people["lea"], subject="*")
    assert (made["in_use"], made["most_used_by"], made["words"]) == (
        3,
        "mia",
        "mia of the team mt may have 2 GPUs at once",
    )
    [of_lea] = people["lea"].get("/api/v1/limits").json()["data"]
    assert (of_lea["in_use"], of_lea["most_used_by"]) == (3, "mia")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"team": "none"}, "team: there is no team none"),
        ({"subject": "ray"}, "subject: ray is not in the team mt"),
        ({"subject": None}, "subject: a limit of which member?"),
        ({"subject": "u" * 98}, "subject: the names of team and user have more than 99 characters together"),
    ],
)
def test_a_member_that_is_none_is_refused(people: People, fields: dict[str, Any], words: str) -> None:
    assert refused(people["root"], **fields) == (422, words)


@pytest.mark.parametrize("fields", [{"team": None}, {"subject_kind": "user"}])
def test_a_team_is_named_for_a_member_and_for_nobody_else(people: People, fields: dict[str, Any]) -> None:
    status, words = refused(people["root"], **fields)
    assert status == 422
    assert "a limit of a member names the team, and no other limit does" in words


def test_a_team_has_so_many_limits_of_members_at_most(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_OF_A_TEAM", 2)
    for kind in ("gpus", "running_jobs"):
        put(people["lea"], kind=kind)
    assert refused(people["lea"], kind="queued_jobs")[0] == 409
    put(people["lea"], kind="gpus", amount=1)
