"""Mail tries against a real SMTP server."""

from collections.abc import Iterator
from email import message_from_bytes, policy
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from pydantic import SecretStr

from tests.factories import NOON
from tests.tuning.notices.payloads import make_payload
from tests.worker.notify.receivers import LOOPBACK, free_port
from tuning.notices.mail import mail_of
from tuning.settings import Settings
from worker.notify.mail_sender import MailSender

SENDER = "packtrain@lab.example"


class Mailbox:
    """Mail that arrived, and the server's answer in place of taking it."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], bytes]] = []
        self.at_recipient = "250 OK"
        self.at_end = "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.at_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.at_recipient

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return self.at_end


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


def running(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    controller = Controller(mailbox, hostname=LOOPBACK, port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@pytest.fixture
def port(mailbox: Mailbox) -> Iterator[int]:
    yield from running(mailbox)


@pytest.fixture
def port_with_users(mailbox: Mailbox) -> Iterator[int]:
    def check(_server: SMTP, _session: Any, _envelope: Any, mechanism: str, given: Any) -> AuthResult:
        is_known = isinstance(given, LoginPassword) and given == LoginPassword(b"packtrain", b"a password")
        return AuthResult(success=is_known, handled=False)

    yield from running(mailbox, authenticator=check, auth_require_tls=False)


def sender(port: int, **values: Any) -> MailSender:
    usual = {"smtp_host": LOOPBACK, "smtp_port": port, "smtp_security": "none", "smtp_from": SENDER}
    return MailSender(Settings(**{**usual, **values}))


def mail(to: str = "ada@example.org") -> Any:
    return mail_of(SENDER, to, "msg_1", make_payload(job_name="日本語 run"), NOON)


def test_a_mail_arrives_whole(mailbox: Mailbox, port: int) -> None:
    assert sender(port).send(mail()).is_delivered
    ((sent_by, to, content),) = mailbox.mails
    assert (sent_by, to) == (SENDER, ["ada@example.org"])
    read = message_from_bytes(content, policy=policy.default)
    assert read["Subject"] == "[packtrain] job.failed: 日本語 run"
    assert "out of memory" in str(read.get_content())


def test_a_refused_recipient_is_told_in_the_servers_words(mailbox: Mailbox, port: int) -> None:
    mailbox.at_recipient = "550 no such user here"
    found = sender(port).send(mail())
    assert found.error == "the mail server refused the address: 550 no such user here"
    assert mailbox.mails == []


def test_a_server_that_is_full_is_told_and_tried_again_later(mailbox: Mailbox, port: int) -> None:
    mailbox.at_end = "452 too many mails"
    assert sender(port).send(mail()).error == "the mail server answered 452 too many mails"


def test_a_server_that_is_away_is_a_failure() -> None:
    found = sender(free_port()).send(mail())
    assert found.error is not None
    assert found.error.startswith("the mail server did not take it: ")


def test_a_server_without_tls_gets_no_mail_where_tls_is_asked_for(mailbox: Mailbox, port: int) -> None:
    found = sender(port, smtp_security="starttls").send(mail())
    assert "STARTTLS" in (found.error or "")
    assert mailbox.mails == []


def test_the_users_password_opens_the_server(mailbox: Mailbox, port_with_users: int) -> None:
    known = {"smtp_user": "packtrain", "smtp_password": SecretStr("a password")}
    assert sender(port_with_users, **known).send(mail()).is_delivered
    wrong = sender(port_with_users, **{**known, "smtp_password": SecretStr("another")}).send(mail())
    assert "535" in (wrong.error or "")
    assert "another" not in (wrong.error or "")
    assert len(mailbox.mails) == 1


def test_a_site_without_a_mail_server_has_no_sender() -> None:
    assert MailSender(Settings(smtp_from=SENDER)).sender is None
    assert MailSender(Settings(smtp_host="mail", smtp_from=SENDER)).sender == SENDER
