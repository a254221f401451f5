"""Tries of deliveries, by the kind of their webhook: signed JSON, chat texts, mail."""

from collections.abc import Callable
from datetime import datetime

from tuning.errors import Conflict
from tuning.notices.claims import Claimed, Outcome
from tuning.notices.mail import mail_of
from tuning.notices.models import WebhookKind
from tuning.notices.shapes import body_of
from tuning.notices.signature import signed_headers
from tuning.notices.targets import is_mail_address, mail_address, target_of
from tuning.secrets.cipher import Cipher
from worker.notify.http_sender import HttpSender
from worker.notify.mail_sender import MailSender

_HEADERS = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "packtrain"}

_NO_MAIL = "the worker sends no mail: PACKTRAIN_SMTP_HOST or PACKTRAIN_SMTP_FROM is not set"


class Tries:
    """Sends a claimed delivery once."""

    def __init__(self, http: HttpSender, mail: MailSender, cipher: Cipher, now: Callable[[], datetime]) -> None:
        self._http, self._mail, self._cipher, self._now = http, mail, cipher, now

    def send(self, claimed: Claimed) -> Outcome:
        """One try and its outcome."""
        if claimed.kind is WebhookKind.MAIL:
            return self._send_mail(claimed)
        body = body_of(claimed.kind, claimed.id, claimed.payload)
        try:
            headers = {**_HEADERS, **self._signed(claimed, body)}
        except Conflict as error:
            return Outcome(False, error=f"the worker cannot sign it: {error}")
        return self._http.post(target_of(claimed.url), body, headers)

    def _signed(self, claimed: Claimed, body: bytes) -> dict[str, str]:
        """Raises Conflict without the key that the secrets were encrypted with."""
        if not claimed.kind.is_signed:
            return {}
        keys = [self._cipher.decrypt(secret) for secret in claimed.secrets]
        return signed_headers(claimed.id, int(self._now().timestamp()), body, keys)

    def _send_mail(self, claimed: Claimed) -> Outcome:
        if self._mail.sender is None:
            return Outcome(False, error=_NO_MAIL)
        if not is_mail_address(claimed.url):
            return Outcome(False, error="its owner has no address for mail any more")
        recipient = mail_address(claimed.url)
        return self._mail.send(mail_of(self._mail.sender, recipient, claimed.id, claimed.payload, self._now()))
