"""Changes of webhooks in the record of changes, without anything that is secret."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.notices.models import Delivery, DeliveryStatus

HOOKS = "/api/v1/webhooks"
CONFIG = {"model_name_or_path": "tiny-qwen2", "dataset": "identity", "template": "qwen"}
SLACK = "https://hooks.slack.com/services/T000/B000/a-secret-path"


def recorded(administrator: TestClient, webhook_id: str) -> list[dict[str, Any]]:
    """The entries about a webhook, the oldest first."""
    answer = administrator.get("/api/v1/audit", params={"subject": webhook_id})
    assert answer.status_code == 200, answer.text
    return list(reversed(answer.json()["data"]))


def test_each_change_of_a_webhook_is_recorded_by_whom_and_from_where(
    client: TestClient, administrator: TestClient, sessions: sessionmaker[Session]
) -> None:
    made = client.post(HOOKS, json={"url": "https://hooks.example.org/a"}).json()
    hook = f"{HOOKS}/{made['id']}"
    administrator.patch(hook, json={"events": ["job.*"]})
    rotated = client.post(f"{hook}/rotate-secret").json()["secret"]
    sent = client.post(f"{hook}/test").json()["id"]
    with transaction(sessions) as session:
        session.scalars(select(Delivery)).one().status = DeliveryStatus.DELIVERED
    client.post(f"{hook}/deliveries/{sent}/resend")
    administrator.patch(hook, json={"disabled": True})
    client.delete(hook)
    entries = recorded(administrator, made["id"])
    assert [(entry["actor"], entry["action"]) for entry in entries] == [
        ("ada", "webhook.created"),
        ("root", "webhook.changed"),
        ("ada", "webhook.secret_rotated"),
        ("ada", "webhook.tested"),
        ("ada", "webhook.resent"),
        ("root", "webhook.changed"),
        ("ada", "webhook.deleted"),
    ]
    assert {(entry["subject_kind"], entry["address"]) for entry in entries} == {("webhook", "testclient")}
    created, changed, _, tested, resent, off, deleted = entries
    assert changed["before"] == created["after"] == {**changed["after"], "events": changed["before"]["events"]}
    assert changed["after"]["events"] == ["job.*"]
    assert (off["before"]["disabled"], off["after"]["disabled"]) == (None, "switched off by hand")
    assert deleted["before"] == off["after"]
    assert tested["after"] == resent["after"] == {"delivery": sent}
    assert not any(secret in str(entries) for secret in (made["secret"], rotated, "whsec_"))


def test_a_chats_url_is_recorded_without_what_makes_it_secret(client: TestClient, administrator: TestClient) -> None:
    made = client.post(HOOKS, json={"url": SLACK, "kind": "slack"}).json()
    client.patch(f"{HOOKS}/{made['id']}", json={"url": f"{SLACK}/other"})
    _, changed = recorded(administrator, made["id"])
    before, after = changed["before"]["target"], changed["after"]["target"]
    assert before.startswith("https://hooks.slack.com/ (sha256 ")
    assert before != after
    assert "secret-path" not in str(recorded(administrator, made["id"]))


def test_what_is_refused_is_not_recorded(client: TestClient, administrator: TestClient) -> None:
    made = client.post(HOOKS, json={"url": SLACK, "kind": "slack"}).json()
    hook = f"{HOOKS}/{made['id']}"
    for answer in (
        client.post(f"{hook}/rotate-secret"),
        client.post(f"{hook}/deliveries/msg_none/resend"),
        client.patch(hook, json={"url": "http://127.0.0.1/"}),
    ):
        assert answer.status_code >= 400
    assert [entry["action"] for entry in recorded(administrator, made["id"])] == ["webhook.created"]


def test_webhooks_that_come_with_a_job_and_its_retry_are_recorded(
    client: TestClient, administrator: TestClient, sessions: sessionmaker[Session]
) -> None:
    body = {"name": "told", "config": CONFIG, "webhooks": [{"url": "https://hooks.example.org/a"}]}
    made = client.post("/api/v1/jobs", json=body).json()
    with transaction(sessions) as session:
        session.execute(update(Job).values(status=JobStatus.FAILED))
    again = client.post(f"/api/v1/jobs/{made['id']}/retry").json()
    for job in (made, again):
        (hook,) = client.get(HOOKS, params={"job": job["id"]}).json()["data"]
        (entry,) = recorded(administrator, hook["id"])
        assert (entry["actor"], entry["address"], entry["action"]) == ("ada", "testclient", "webhook.created")
        assert entry["after"]["job"] == job["id"]
    assert "whsec_" not in str(administrator.get("/api/v1/audit").json())
