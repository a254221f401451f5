"""Webhooks over HTTP: whose they are, what is shown of them, what becomes of their notices."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.conftest import speak_for
from tests.factories import NOON, Clock, make_job, make_user
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event
from tuning.notices.models import Delivery, Webhook
from tuning.people.models import Membership, Team, User
from tuning.secrets.cipher import Cipher

HOOKS = "/api/v1/webhooks"
BODY = {"url": "https://hooks.example.org/packtrain", "events": ["job.*"]}
JOB = {"config": {"model_name_or_path": "tiny-qwen2", "dataset": "identity"}}
Make = Callable[..., dict[str, Any]]


@pytest.fixture
def make(client: TestClient) -> Make:
    def make(**fields: Any) -> dict[str, Any]:
        answer = client.post(HOOKS, json={**BODY, **fields})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    return make


@pytest.fixture
def bob(anonymous: TestClient, sessions: sessionmaker[Session]) -> TestClient:
    with transaction(sessions) as session:
        user = make_user(session, name="bob")
    return speak_for(anonymous, sessions, user)


def test_a_webhook_shows_its_secret_once(client: TestClient, make: Make, sessions: sessionmaker[Session]) -> None:
    made = make()
    assert made["secret"].startswith("whsec_")
    assert {name: made[name] for name in ("kind", "url", "events", "user", "job_id", "disabled")} == {
        "kind": "standard",
        "url": BODY["url"],
        "events": ["job.*"],
        "user": "ada",
        "job_id": None,
        "disabled": False,
    }
    for answer in (client.get(HOOKS), client.get(f"{HOOKS}/{made['id']}")):
        assert made["id"] in answer.text
        assert "secret" not in answer.text
    with sessions() as session:
        sealed = session.scalars(select(Webhook.secret)).one()
    assert made["secret"].encode() not in (sealed or b"")
    assert Cipher(SecretStr("a key")).decrypt(sealed or b"") == made["secret"]


def test_by_default_the_ends_of_jobs_are_told(client: TestClient) -> None:
    made = client.post(HOOKS, json={"url": BODY["url"]}).json()
    assert made["events"] == ["job.succeeded", "job.failed", "job.cancelled"]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"url": "http://127.0.0.1/x"}, ["body", "url"]),
        ({"url": "nothing"}, ["body", "url"]),
        ({"url": "https://a.example/\0"}, ["body", "url"]),
        ({"events": ["job.faild"]}, ["body", "events", 0]),
        ({"events": []}, ["body", "events"]),
        ({"kind": "pigeon"}, ["body", "kind"]),
        ({"kind": "mail", "url": "mailto:ada@example.org"}, ["body", "kind"]),
        ({"secret": "hidden-secret"}, ["body", "secret"]),
        ({"team": "mt"}, ["body", "team"]),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(client: TestClient, fields: dict[str, Any], place: list[Any]) -> None:
    answer = client.post(HOOKS, json={**BODY, **fields})
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, place)
    assert "hidden-secret" not in answer.text
    assert client.get(HOOKS).json()["data"] == []


def test_a_server_without_the_key_says_which_setting(client: TestClient, app: FastAPI) -> None:
    app.state.cipher = Cipher(None)
    answer = client.post(HOOKS, json=BODY)
    assert answer.status_code == 422
    assert "PACKTRAIN_SECRETS_KEY" in answer.text


def test_nobody_has_more_than_fifty(client: TestClient, make: Make) -> None:
    for _ in range(50):
        make()
    assert client.post(HOOKS, json=BODY).status_code == 409


def test_others_webhooks_are_not_there_but_for_administrators(
    client: TestClient, bob: TestClient, administrator: TestClient, make: Make
) -> None:
    own = f"{HOOKS}/{make()['id']}"
    assert bob.get(HOOKS).json()["data"] == []
    for method, path in (
        ("GET", own),
        ("PATCH", own),
        ("DELETE", own),
        ("POST", f"{own}/test"),
        ("POST", f"{own}/rotate-secret"),
        ("GET", f"{own}/deliveries"),
        ("POST", f"{own}/deliveries/msg_x/resend"),
    ):
        body = {"events": ["warning"]} if method == "PATCH" else None
        assert bob.request(method, path, json=body).status_code == 404, path
    assert [row["user"] for row in administrator.get(HOOKS).json()["data"]] == ["ada"]
    assert client.get(own).json()["events"] == ["job.*"]
    assert administrator.delete(own).status_code == 204
    assert client.get(own).status_code == 404


@pytest.fixture
def team(sessions: sessionmaker[Session], user: User) -> str:
    """A team `mt` that ada leads and bob is in."""
    with transaction(sessions) as session:
        session.add(Team(id="team_mt", name="mt", created_at=NOON))
        session.flush()
        session.add(Membership(team_id="team_mt", user_id=user.id, is_lead=True, created_at=NOON))
    return "team_mt"


def join(sessions: sessionmaker[Session], name: str, team_id: str, *, is_lead: bool) -> None:
    with transaction(sessions) as session:
        user_id = session.scalars(select(User.id).where(User.name == name)).one()
        session.add(Membership(team_id=team_id, user_id=user_id, is_lead=is_lead, created_at=NOON))


def test_a_teams_webhook_is_told_of_its_members_jobs(
    client: TestClient, bob: TestClient, sessions: sessionmaker[Session], make: Make, team: str
) -> None:
    join(sessions, "bob", team, is_lead=False)
    hook = make(team="mt", events=["job.created"])
    assert (hook["team"], hook["user"]) == ("mt", "ada")
    assert bob.post("/api/v1/jobs", json={**JOB, "team": "mt"}).status_code == 201
    assert bob.post("/api/v1/jobs", json={**JOB, "team": "lab"}).status_code == 201
    assert events(client, hook["id"]) == ["job.created"]


def test_a_teams_webhooks_are_its_leads(
    client: TestClient, bob: TestClient, sessions: sessionmaker[Session], make: Make, team: str
) -> None:
    path = f"{HOOKS}/{make(team='mt')['id']}"
    assert bob.get(path).status_code == 404
    join(sessions, "bob", team, is_lead=True)
    assert bob.get(HOOKS).json()["data"] == [client.get(path).json()]
    assert bob.patch(path, json={"events": ["warning"]}).json()["events"] == ["warning"]
    with transaction(sessions) as session:
        session.execute(update(Membership).where(Membership.team_id == team).values(is_lead=False))
    assert client.get(path).status_code == 404, "whoever made it is no lead any more"


def test_only_leads_and_administrators_make_a_teams(
    client: TestClient, bob: TestClient, administrator: TestClient, sessions: sessionmaker[Session], team: str
) -> None:
    join(sessions, "bob", team, is_lead=False)
    body = {**BODY, "team": "mt"}
    assert [who.post(HOOKS, json=body).status_code for who in (client, bob, administrator)] == [201, 422, 201]
    refused = client.post(HOOKS, json={**BODY, "team": "nowhere"}).json()["errors"][0]
    assert refused["loc"] == ["body", "team"]


def test_a_disabled_user_is_told_nothing_more(
    client: TestClient, make: Make, user: User, sessions: sessionmaker[Session], team: str
) -> None:
    make()
    make(team="mt")
    with transaction(sessions) as session:
        job = make_job(session, session.get_one(User, user.id), team_id=team)
        session.execute(update(User).values(disabled_at=NOON))
        record_event(session, job.id, "job.queued", "", NOON)
    with sessions() as session:
        told = select(Webhook.team_id).join(Delivery, Delivery.webhook_id == Webhook.id)
        assert session.scalars(told).all() == [team]


def test_webhooks_are_listed_page_by_page(client: TestClient, bob: TestClient, make: Make, clock: Clock) -> None:
    ids = []
    for _ in range(5):
        clock.advance(1)
        ids.append(make()["id"])
    first = client.get(f"{HOOKS}?limit=3").json()
    rest = client.get(f"{HOOKS}?limit=3&after={first['next']}").json()
    assert [row["id"] for row in first["data"] + rest["data"]] == ids[::-1]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert client.get(f"{HOOKS}?after=wh_none").status_code == 422
    assert bob.get(f"{HOOKS}?after={ids[0]}").status_code == 422


def test_a_webhook_is_changed_switched_off_and_on(client: TestClient, make: Make) -> None:
    path = f"{HOOKS}/{make()['id']}"
    changed = client.patch(path, json={"url": "https://other.example/x", "events": ["warning"]}).json()
    assert (changed["url"], changed["events"]) == ("https://other.example/x", ["warning"])
    assert client.patch(path, json={"url": "http://10.0.0.1/"}).status_code == 422
    off = client.patch(path, json={"disabled": True}).json()
    assert (off["disabled"], off["disabled_reason"]) == (True, "switched off by hand")
    assert client.post(f"{path}/test").status_code == 409
    on = client.patch(path, json={"disabled": False}).json()
    assert (on["disabled"], on["disabled_at"], on["disabled_reason"]) == (False, None, None)


def test_one_that_was_switched_off_says_why_and_is_put_back(
    client: TestClient, make: Make, sessions: sessionmaker[Session]
) -> None:
    path = f"{HOOKS}/{make()['id']}"
    with transaction(sessions) as session:
        gone = {"disabled_at": NOON, "disabled_reason": "nothing has arrived", "failures": 9, "failing_since": NOON}
        session.execute(update(Webhook).values(**gone))
    shown = client.get(path).json()
    assert (shown["disabled"], shown["disabled_reason"]) == (True, "nothing has arrived")
    assert client.patch(path, json={"disabled": False}).json()["failing_since"] is None


def test_a_test_notice_waits_for_the_worker(client: TestClient, make: Make) -> None:
    path = f"{HOOKS}/{make()['id']}"
    answer = client.post(f"{path}/test")
    assert (answer.status_code, answer.json()["event"], answer.json()["status"]) == (202, "webhook.test", "waiting")
    assert client.get(f"{path}/deliveries").json()["data"] == [answer.json()]


def test_a_delivery_is_sent_again(client: TestClient, make: Make, sessions: sessionmaker[Session]) -> None:
    path = f"{HOOKS}/{make()['id']}"
    sent = client.post(f"{path}/test").json()
    with transaction(sessions) as session:
        session.execute(update(Delivery).values(status="given_up", attempts=20, last_error="500"))
    shown = client.get(f"{path}/deliveries").json()["data"][0]
    assert (shown["status"], shown["next_try_at"], shown["last_error"]) == ("given_up", None, "500")
    again = client.post(f"{path}/deliveries/{sent['id']}/resend")
    assert (again.status_code, again.json()["id"], again.json()["status"]) == (202, sent["id"], "waiting")
    assert client.post(f"{path}/deliveries/msg_none/resend").status_code == 404


def test_a_new_secret_is_shown_once_and_the_old_one_signs_for_a_day(
    client: TestClient, make: Make, sessions: sessionmaker[Session]
) -> None:
    made = make()
    answer = client.post(f"{HOOKS}/{made['id']}/rotate-secret")
    assert answer.status_code == 200
    assert answer.json()["secret"] not in (made["secret"], None)
    with sessions() as session:
        webhook = session.scalars(select(Webhook)).one()
    cipher = Cipher(SecretStr("a key"))
    assert [cipher.decrypt(sealed or b"") for sealed in (webhook.secret, webhook.old_secret)] == [
        answer.json()["secret"],
        made["secret"],
    ]


def test_what_is_not_signed_has_no_secret_to_change(client: TestClient, make: Make) -> None:
    made = make(kind="slack")
    assert made["secret"] is None
    assert client.post(f"{HOOKS}/{made['id']}/rotate-secret").status_code == 409


@pytest.mark.parametrize("path", ["/wh_none", "/%00", "/wh_a%20b", "/" + "x" * 500, "/wh_none/deliveries"])
def test_what_cannot_be_a_webhook_is_refused(client: TestClient, path: str) -> None:
    assert client.get(f"{HOOKS}{path}").status_code in (404, 422)


def events(client: TestClient, webhook_id: str) -> list[str]:
    return [row["event"] for row in client.get(f"{HOOKS}/{webhook_id}/deliveries").json()["data"]][::-1]


def test_a_new_job_is_told_of_to_its_owners_webhooks(client: TestClient, bob: TestClient, make: Make) -> None:
    hook = make()["id"]
    made = client.post("/api/v1/jobs", json=JOB).json()
    bob.post("/api/v1/jobs", json=JOB)
    assert events(client, hook) == ["job.created", "job.queued"]
    client.post(f"/api/v1/jobs/{made['id']}/cancel")
    assert events(client, hook)[2:] == ["job.cancel_requested", "job.cancelled"]


def test_a_jobs_own_webhook_is_told_of_it_alone(client: TestClient) -> None:
    made = client.post("/api/v1/jobs", json={**JOB, "webhooks": [BODY]}).json()
    client.post("/api/v1/jobs", json=JOB)
    (hook,) = client.get(f"{HOOKS}?job={made['id']}").json()["data"]
    assert (hook["job_id"], hook["events"]) == (made["id"], ["job.*"])
    assert events(client, hook["id"]) == ["job.created", "job.queued"]


def test_a_retry_keeps_the_webhooks_that_its_owner_gave_the_job(
    client: TestClient, administrator: TestClient, user: User, sessions: sessionmaker[Session]
) -> None:
    made = client.post("/api/v1/jobs", json={**JOB, "webhooks": [BODY]}).json()
    with transaction(sessions) as session:
        session.execute(update(Job).values(status=JobStatus.FAILED))
    again = client.post(f"/api/v1/jobs/{made['id']}/retry").json()
    (hook,) = client.get(f"{HOOKS}?job={again['id']}").json()["data"]
    assert (hook["url"], events(client, hook["id"])) == (BODY["url"], ["job.created", "job.queued"])
    others = administrator.post(f"/api/v1/jobs/{made['id']}/retry").json()
    assert administrator.get(f"{HOOKS}?job={others['id']}").json()["data"] == []


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/jobs/validate"])
def test_a_job_with_a_bad_webhook_is_refused(client: TestClient, path: str) -> None:
    bad = {**BODY, "url": "http://[::1]/"}
    answer = client.post(path, json={**JOB, "webhooks": [BODY, bad]})
    assert ["webhooks", 1, "url"] in [error["loc"][-3:] for error in answer.json()["errors"]]
    assert client.get("/api/v1/jobs").json()["data"] == []


def test_a_repeated_request_makes_its_webhooks_once(client: TestClient) -> None:
    for _ in range(2):
        client.post("/api/v1/jobs", json={**JOB, "webhooks": [BODY]}, headers={"Idempotency-Key": "k"})
    assert len(client.get(HOOKS).json()["data"]) == 1


def test_a_new_name_is_what_its_notice_tells(
    client: TestClient, make: Make, user: User, sessions: sessionmaker[Session]
) -> None:
    make()
    with transaction(sessions) as session:
        job_id = make_job(session, session.get_one(User, user.id)).id
    client.patch(f"/api/v1/jobs/{job_id}", json={"name": "second"})
    with sessions() as session:
        payload = session.scalars(select(Delivery.payload)).one()
    assert payload["data"]["job"]["name"] == "second"
