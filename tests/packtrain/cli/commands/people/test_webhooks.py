"""`packtrain webhooks`."""

import json

import pytest

from packtrain.cli.commands.people import webhooks
from tests.packtrain.conftest import Run
from tests.packtrain.stub_server import Stub
from tests.packtrain.stub_webhooks import delivery_json

ARRIVED = delivery_json(status="delivered", attempts=1, next_try_at=None)
REFUSED = delivery_json(attempts=1, last_error="hooks.example.org answered 500")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "_LOOK_SECONDS", 0.0)


def test_a_new_webhook_says_its_id_and_once_its_secret(run: Run, stub: Stub) -> None:
    result = run("webhooks", "add", "https://hooks.example.org/x", "--event", "job.*", "--event", "warning")
    assert (result.exit_code, result.stdout) == (0, "wh_1\n")
    assert "whsec_x" in result.stderr
    assert stub.bodies == [{"url": "https://hooks.example.org/x", "kind": "standard", "events": ["job.*", "warning"]}]


@pytest.mark.parametrize(
    ("words", "kind"), [(["mailto:a@b.org"], "mail"), (["https://hooks.slack.example/x", "--kind", "slack"], "slack")]
)
def test_mail_is_meant_by_its_address_and_chats_are_named(run: Run, stub: Stub, words: list[str], kind: str) -> None:
    stub.webhook = {"secret": None}
    result = run("webhooks", "add", *words)
    assert (result.exit_code, stub.bodies[0]["kind"]) == (0, kind)
    assert "secret" not in result.stderr


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "on"),
        ({"disabled": True, "disabled_reason": "nothing has arrived"}, "off: nothing has arrived"),
        ({"failing_since": "2026-11-21T12:00:00Z"}, "failing since"),
    ],
)
def test_the_list_says_whether_notices_arrive(run: Run, stub: Stub, changes: dict[str, object], words: str) -> None:
    stub.webhook = changes
    result = run("webhooks", "list")
    assert result.exit_code == 0
    assert words in result.stdout
    assert "https://hooks.example.org/x" in result.stdout


@pytest.mark.parametrize(
    ("changes", "words"), [({}, "alice's"), ({"team": "mt"}, "team mt"), ({"job_id": "job_1"}, "job_1")]
)
def test_the_list_says_which_jobs_are_told(run: Run, stub: Stub, changes: dict[str, object], words: str) -> None:
    stub.webhook = changes
    assert words in run("webhooks", "list").stdout


def test_lists_are_json_on_wish(run: Run) -> None:
    assert json.loads(run("webhooks", "list", "--json").stdout)["data"][0]["id"] == "wh_1"
    assert json.loads(run("webhooks", "deliveries", "wh_1", "--json").stdout)["data"][0]["id"] == "msg_1"


@pytest.mark.parametrize(("flag", "disabled"), [("--on", False), ("--off", True)])
def test_a_webhook_is_switched_off_and_on(run: Run, stub: Stub, flag: str, disabled: bool) -> None:
    assert run("webhooks", "change", "wh_1", flag).exit_code == 0
    assert stub.bodies == [{"url": None, "events": None, "disabled": disabled}]


def test_one_is_deleted_only_when_somebody_says_so(run: Run, stub: Stub) -> None:
    assert run("webhooks", "delete", "wh_1").exit_code == 1
    assert ("DELETE", "/api/v1/webhooks/wh_1") not in stub.requests
    assert run("webhooks", "delete", "wh_1", "--yes").exit_code == 0
    assert ("DELETE", "/api/v1/webhooks/wh_1") in stub.requests


def test_a_test_waits_for_its_try_and_says_that_it_arrived(run: Run, stub: Stub) -> None:
    stub.deliveries = [delivery_json(), delivery_json(), ARRIVED]
    result = run("webhooks", "test", "wh_1")
    assert (result.exit_code, result.stderr) == (0, "msg_1 arrived\n")


def test_a_test_that_failed_says_why_and_ends_with_1(run: Run, stub: Stub) -> None:
    stub.deliveries = [delivery_json(), REFUSED]
    result = run("webhooks", "test", "wh_1")
    assert result.exit_code == 1
    assert "has not arrived yet: hooks.example.org answered 500; next try at" in result.stderr


def test_a_test_that_nobody_sends_ends_with_1(run: Run) -> None:
    assert run("webhooks", "test", "wh_1", "--wait", "0").exit_code == 1


def test_a_notice_is_sent_again(run: Run, stub: Stub) -> None:
    assert run("webhooks", "resend", "wh_1", "msg_1").exit_code == 0
    assert ("POST", "/api/v1/webhooks/wh_1/deliveries/msg_1/resend") in stub.requests


def test_deliveries_say_what_became_of_each(run: Run, stub: Stub) -> None:
    stub.deliveries = [REFUSED]
    result = run("webhooks", "deliveries", "wh_1")
    assert "hooks.example.org answered 500" in result.stdout


def test_a_new_secret_is_shown(run: Run) -> None:
    assert run("webhooks", "rotate-secret", "wh_1").stdout == "whsec_y\n"
