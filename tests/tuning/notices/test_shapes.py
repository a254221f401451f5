"""Bodies of notices by kind, with hostile names in them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON
from tests.tuning.notices.payloads import make_payload
from tuning.notices.models import WebhookKind
from tuning.notices.payload import own_payload
from tuning.notices.shapes import body_of, sentence


def test_a_standard_notice_has_its_type_time_and_job() -> None:
    body = json.loads(body_of(WebhookKind.STANDARD, "msg_1", make_payload()))
    assert {name: body[name] for name in ("id", "object", "type", "timestamp")} == {
        "id": "msg_1",
        "object": "event",
        "type": "job.failed",
        "timestamp": "2026-11-21T12:00:00Z",
    }
    assert body["data"]["job"]["id"] == "job_1"
    assert (body["data"]["message"], body["data"]["details"]) == ("out of memory", {"attempt": 1})


@pytest.mark.parametrize("kind", [WebhookKind.SLACK, WebhookKind.MATTERMOST])
def test_chats_get_one_text_with_the_job_and_the_reason(kind: WebhookKind) -> None:
    body = json.loads(body_of(kind, "msg_1", make_payload(job_id="job1")))
    assert body == {"text": "wmt ja-en (job1, ada) failed: out of memory"}


def test_a_name_calls_nobody_in_slack_and_hides_no_link() -> None:
    text = json.loads(body_of(WebhookKind.SLACK, "m", make_payload(job_name="<!channel> <http://a|b> &")))["text"]
    assert text.startswith("&lt;!channel&gt; &lt;http://a|b&gt; &amp; (")


def test_a_name_calls_nobody_in_mattermost_and_draws_nothing() -> None:
    text = json.loads(body_of(WebhookKind.MATTERMOST, "m", make_payload(job_name="@channel [a](b) `c` # *d*")))["text"]
    assert "@channel" not in text
    assert "\\[a\\]" in text
    assert "\\`c\\`" in text


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_name_and_message_make_one_line(name: str, message: str) -> None:
    payload = make_payload(job_name=name, message=message)
    assert "\n" not in sentence(payload)
    for kind in (WebhookKind.SLACK, WebhookKind.MATTERMOST):
        assert "\n" not in json.loads(body_of(kind, "m", payload))["text"]


def test_details_that_are_too_long_are_left_out() -> None:
    assert make_payload(details={"x": "y" * 10_000})["data"]["details"] == {}
    assert len(make_payload(message="x" * 10_000)["data"]["message"]) == 2000


def test_a_webhooks_own_notice_names_no_job() -> None:
    assert sentence(own_payload("webhook.test", NOON, "hello", "wh_1")) == "packtrain: hello"
