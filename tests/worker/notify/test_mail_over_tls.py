"""Mail over TLS and STARTTLS: to a real server whose certificate holds, and to no other."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from aiosmtpd.controller import Controller
from pydantic import SecretStr

from tests.factories import NOON
from tests.tuning.notices.payloads import make_payload
from tests.worker.notify.certificates import Authority
from tests.worker.notify.receivers import LOOPBACK, free_port
from tests.worker.notify.test_mail_sender import SENDER, Mailbox
from tuning.notices.claims import Outcome
from tuning.notices.mail import mail_of
from tuning.settings import Settings
from worker.notify.mail_sender import MailSender

Way = Literal["starttls", "tls"]
ELSEWHERE = "127.0.0.9"
both_ways = pytest.mark.parametrize("way", ["starttls", "tls"])


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The authority that this machine trusts, as an operator makes it do so."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


@contextmanager
def serving(mailbox: Mailbox, way: Way, context: ssl.SSLContext) -> Iterator[int]:
    options: dict[str, Any] = {"ssl_context": context}
    if way == "starttls":
        options = {"tls_context": context, "require_starttls": True}
    controller = Controller(mailbox, hostname=LOOPBACK, port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def send(port: int, way: Way, **values: Any) -> Outcome:
    usual = {"smtp_host": LOOPBACK, "smtp_port": port, "smtp_security": way, "smtp_from": SENDER}
    mail = mail_of(SENDER, "ada@example.org", "msg_1", make_payload(), NOON)
    return MailSender(Settings(**{**usual, **values})).send(mail)


@both_ways
def test_mail_goes_to_a_server_whose_certificate_holds(authority: Authority, way: Way) -> None:
    mailbox = Mailbox()
    with serving(mailbox, way, authority.server_context(LOOPBACK)) as port:
        assert send(port, way) == Outcome(True)
    assert [(sent_by, to) for sent_by, to, _ in mailbox.mails] == [(SENDER, ["ada@example.org"])]


@both_ways
@pytest.mark.usefixtures("authority")
def test_no_mail_goes_where_nobody_known_vouches_for_the_certificate(tmp_path: Path, way: Way) -> None:
    mailbox, stranger = Mailbox(), Authority(tmp_path, "stranger")
    with serving(mailbox, way, stranger.server_context(LOOPBACK)) as port:
        found = send(port, way, smtp_user="packtrain", smtp_password=SecretStr("a password"))
    assert not found.is_delivered
    told = "the certificate of 127.0.0.1 does not hold: unable to get local issuer certificate"
    assert found.error == told
    assert mailbox.mails == []


@both_ways
def test_no_mail_goes_to_a_server_with_the_certificate_of_another(authority: Authority, way: Way) -> None:
    mailbox = Mailbox()
    with serving(mailbox, way, authority.server_context(ELSEWHERE)) as port:
        found = send(port, way)
    assert "the certificate of 127.0.0.1 does not hold: IP address mismatch" in (found.error or "")
    assert mailbox.mails == []


@both_ways
def test_no_mail_goes_to_a_server_whose_certificate_has_run_out(authority: Authority, way: Way) -> None:
    mailbox = Mailbox()
    old = authority.server_context(LOOPBACK, valid_from=datetime.now(UTC) - timedelta(days=9))
    with serving(mailbox, way, old) as port:
        assert send(port, way).error == "the certificate of 127.0.0.1 does not hold: certificate has expired"
    assert mailbox.mails == []
