"""Rules by which webhooks are taken."""

import ipaddress
from typing import Any

import pytest
from pydantic import SecretStr

from tuning.notices.models import WebhookKind
from tuning.notices.request import WebhookChange, WebhookRequest
from tuning.notices.rules import NO_NOTICES, NoticeRules, rules_of
from tuning.notices.signature import new_secret
from tuning.secrets.cipher import Cipher
from tuning.settings import Settings

CIPHER = Cipher(SecretStr("a key"))
RULES = NoticeRules(CIPHER, (ipaddress.ip_network("10.0.0.0/8"),), sends_mail=True)
URL = "https://hooks.example.org/x"


@pytest.mark.parametrize(
    "fields",
    [
        {"url": URL},
        {"url": "http://10.1.2.3:8080/", "events": ("job.*", "warning")},
        {"url": URL, "kind": "slack"},
        {"url": URL, "secret": new_secret()},
        {"url": "mailto:ada@example.org", "kind": "mail"},
    ],
)
def test_a_good_request_has_no_findings(fields: dict[str, Any]) -> None:
    assert RULES.check(WebhookRequest.model_validate(fields)) == []


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"url": "http://127.0.0.1/"}, ("url",)),
        ({"url": URL, "events": ("job.faild",)}, ("events", 0)),
        ({"url": URL, "events": ()}, ("events",)),
        ({"url": URL, "secret": "whsec_short"}, ("secret",)),
        ({"url": URL, "kind": "slack", "secret": new_secret()}, ("secret",)),
        ({"url": "mailto:ada@example.org"}, ("url",)),
        ({"url": URL, "kind": "mail"}, ("url",)),
    ],
)
def test_what_is_wrong_is_told_with_its_place(fields: dict[str, Any], loc: tuple[str | int, ...]) -> None:
    assert [found.loc for found in RULES.check(WebhookRequest.model_validate(fields))] == [loc]


def test_a_server_without_key_or_mail_says_which_setting_is_missing() -> None:
    (no_key,) = NO_NOTICES.check(WebhookRequest(url=URL))
    (no_mail,) = NO_NOTICES.check(WebhookRequest(url="mailto:a@b.org", kind=WebhookKind.MAIL))
    assert "PACKTRAIN_SECRETS_KEY" in (no_key.hint or "")
    assert "PACKTRAIN_SMTP_HOST" in (no_mail.hint or "")


def test_unsigned_kinds_need_no_key() -> None:
    assert NO_NOTICES.check(WebhookRequest(url=URL, kind=WebhookKind.SLACK)) == []


def test_a_change_is_judged_by_the_kind_that_stays() -> None:
    assert RULES.check_change(WebhookKind.MAIL, WebhookChange(url=URL))[0].loc == ("url",)
    assert RULES.check_change(WebhookKind.STANDARD, WebhookChange(url=URL)) == []
    assert RULES.check_change(WebhookKind.STANDARD, WebhookChange(events=("x",)))[0].loc == ("events", 0)


def test_a_secret_is_kept_encrypted() -> None:
    shown, sealed = RULES.sealed_secret(WebhookRequest(url=URL))
    assert shown is not None
    assert sealed is not None
    assert shown.encode() not in sealed
    assert CIPHER.decrypt(sealed) == shown


def test_a_secret_of_ones_own_is_taken_as_it_is() -> None:
    secret = new_secret()
    assert RULES.sealed_secret(WebhookRequest(url=URL, secret=SecretStr(secret)))[0] == secret


@pytest.mark.parametrize(
    ("host", "sender", "sends"), [("mail", "a@b.org", True), ("mail", None, False), (None, "a@b.org", False)]
)
def test_mail_needs_a_server_and_an_address(host: str | None, sender: str | None, sends: bool) -> None:
    assert rules_of(Settings(smtp_host=host, smtp_from=sender), CIPHER).sends_mail is sends
