"""Webhook endpoints by OpenAI's own client, which accepts what our worker sends there."""

import json
import time
from typing import Any

import httpx
import openai as sdk
import pytest
from openai import OpenAI
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from server.openai.webhooks import trial
from tests.factories import Clock, make_job
from tests.server.openai.conftest import ClientOf
from tuning.db.engine import transaction
from tuning.jobs.events import write_events
from tuning.notices.models import Delivery, Webhook, WebhookKind
from tuning.notices.shapes import body_of
from tuning.notices.signature import signed_headers
from tuning.people.models import User

URL = "https://example.com/hook"
EVENTS = ["fine_tuning.job.succeeded", "fine_tuning.job.failed", "fine_tuning.job.cancelled"]


def made(openai: OpenAI, **changes: Any) -> Any:
    body: dict[str, Any] = {"name": "ours", "url": URL, "event_types": EVENTS[:2]}
    return openai.webhooks.create(**{**body, **changes})


def test_an_endpoint_is_made_shown_changed_and_deleted(openai: OpenAI) -> None:
    endpoint = made(openai)
    assert (endpoint.name, endpoint.url, endpoint.event_types) == ("ours", URL, EVENTS[:2])
    assert endpoint.signing_secret.startswith("whsec_")
    assert "signing_secret" not in openai.webhooks.retrieve(endpoint.id).to_dict()
    changed = openai.webhooks.update(endpoint.id, name="theirs", event_types=["fine_tuning.job.cancelled"])
    assert (changed.name, changed.url, changed.event_types) == ("theirs", URL, EVENTS[2:])
    assert [each.id for each in openai.webhooks.list()] == [endpoint.id]
    assert openai.webhooks.delete(endpoint.id).deleted
    with pytest.raises(sdk.NotFoundError):
        openai.webhooks.retrieve(endpoint.id)


def test_the_events_are_those_of_trainings(openai: OpenAI) -> None:
    assert openai.webhooks.event_types.list().data == EVENTS


@pytest.mark.parametrize("keeps_old", [True, False])
def test_a_new_secret_leaves_the_old_only_where_that_is_wanted(
    openai: OpenAI, keeps_old: bool, sessions: sessionmaker[Session], clock: Clock
) -> None:
    endpoint = made(openai)
    rotated = openai.webhooks.rotate_secret(endpoint.id, keep_old_secret_active_for_24_hours=keeps_old)
    assert rotated.signing_secret not in (None, endpoint.signing_secret)
    with transaction(sessions) as session:
        webhook = session.scalars(select(Webhook)).one()
        assert webhook.old_secret_until is not None
        assert (webhook.old_secret_until > clock.now) is keeps_old


def test_a_secret_is_rotated_without_a_body(openai: OpenAI) -> None:
    endpoint = made(openai)
    assert openai.webhooks.rotate_secret(endpoint.id).signing_secret != endpoint.signing_secret


def test_the_client_accepts_what_is_sent_of_a_training(
    openai: OpenAI, sessions: sessionmaker[Session], user: User, clock: Clock
) -> None:
    endpoint = made(openai)
    with transaction(sessions) as session:
        job = make_job(session, user)
        export = make_job(session, user, kind="export")
        rows = [
            {"job_id": each.id, "type": "job.succeeded", "at": clock.now, "message": "done", "data": {}}
            for each in (job, export)
        ]
        write_events(session, rows, clock.now)
    with transaction(sessions) as session:
        [delivery] = session.scalars(select(Delivery)).all()
        webhook = session.get_one(Webhook, delivery.webhook_id)
    body = body_of(webhook.kind, delivery.id, delivery.payload)
    now = int(time.time())
    headers = signed_headers(delivery.id, now, body, [endpoint.signing_secret])
    event = openai.webhooks.unwrap(body.decode(), headers, secret=endpoint.signing_secret)
    assert event.type == "fine_tuning.job.succeeded"
    assert (event.id, event.data.id) == (delivery.id, job.id.replace("job_", "ftjob-"))
    assert event.created_at == int(clock.now.timestamp())
    with pytest.raises(sdk.InvalidWebhookSignatureError):
        openai.webhooks.unwrap(body.decode() + " ", headers, secret=endpoint.signing_secret)


class TestExample:
    def test_the_answer_to_an_example_is_told(
        self, openai: OpenAI, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch, clock: Clock
    ) -> None:
        endpoint = made(openai)

        async def answered(_seconds: float) -> None:
            with transaction(sessions) as session:
                delivery = session.scalars(select(Delivery)).one()
                assert json.loads(body_of(WebhookKind.OPENAI, "m", delivery.payload)) == {
                    "id": "m",
                    "object": "event",
                    "type": "fine_tuning.job.failed",
                    "created_at": int(clock.now.timestamp()),
                    "data": {"id": "ftjob-test"},
                }
                delivery.last_attempt_at, delivery.last_status = clock.now, 204

        monkeypatch.setattr(trial, "pause", answered)
        result = openai.webhooks.test(endpoint.id, event_type="fine_tuning.job.failed")
        assert (result.status_code, result.event_type, result.webhook_endpoint_id) == (
            204,
            "fine_tuning.job.failed",
            endpoint.id,
        )

    def test_an_example_that_nobody_sent_is_no_success(self, openai: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(trial, "MOST_LOOKS", 1)
        endpoint = made(openai)
        with pytest.raises(sdk.BadRequestError, match="not sent yet"):
            openai.webhooks.test(endpoint.id, event_type="fine_tuning.job.failed")


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"event_types": ["batch.completed"]}, "event_types[0]"),
        ({"event_types": []}, "event_types"),
        ({"url": "ftp://x"}, "url"),
        ({"name": ""}, "name"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(openai: OpenAI, changes: dict[str, Any], param: str) -> None:
    with pytest.raises(sdk.APIStatusError) as refused:
        made(openai, **changes)
    assert (refused.value.status_code in (400, 422), refused.value.param) == (True, param)


def test_others_endpoints_and_other_webhooks_are_not_there(
    openai: OpenAI, client_of: ClientOf, connection: httpx.Client
) -> None:
    endpoint, bob = made(openai), client_of("bob")
    with pytest.raises(sdk.NotFoundError):
        bob.webhooks.retrieve(endpoint.id)
    assert bob.webhooks.list().data == []
    native = connection.post("/webhooks", json={"url": URL}).json()["id"]
    for wrong in (native.replace("wh_", "we_"), "we_none", "x"):
        with pytest.raises(sdk.NotFoundError):
            openai.webhooks.retrieve(wrong)


def test_natively_it_is_a_webhook_of_the_kind_openai(openai: OpenAI, connection: httpx.Client) -> None:
    endpoint = made(openai)
    shown = connection.get(f"/webhooks/{endpoint.id.replace('we_', 'wh_')}").json()
    assert (shown["kind"], shown["events"]) == ("openai", ["job.succeeded", "job.failed"])
    refused = connection.post("/webhooks", json={"url": URL, "kind": "openai", "events": ["job.*"]})
    assert (refused.status_code, refused.json()["errors"][0]["loc"]) == (422, ["body", "events", 0])
