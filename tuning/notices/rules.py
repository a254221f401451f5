"""Rules by which a server takes webhooks: its key for secrets, its internal receivers, its way to send mail."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from tuning.errors import Conflict, Finding, InvalidInput
from tuning.notices.events import ENDS, check_events
from tuning.notices.models import WebhookKind
from tuning.notices.request import JobWebhook, WebhookChange
from tuning.notices.signature import is_secret, new_secret
from tuning.notices.targets import Network, check_mail, check_url
from tuning.secrets.cipher import Cipher
from tuning.settings import Settings


@dataclass(frozen=True)
class NoticeRules:
    """The server's key and settings, as far as they decide which webhooks can be had."""

    cipher: Cipher
    allowed: tuple[Network, ...] = ()
    """Networks of receivers inside."""
    sends_mail: bool = False

    def check(self, request: JobWebhook) -> list[Finding]:
        """Findings of a request, with settings that its kind needs."""
        return [
            *self.check_target(request.kind, request.url),
            *self._check_choice(request.kind, request.events),
            *self._check_secret(request.kind, request.secret),
        ]

    def check_change(self, kind: WebhookKind, change: WebhookChange) -> list[Finding]:
        """Findings of a change of a webhook of this kind."""
        target = self.check_target(kind, change.url) if change.url is not None else []
        return [*target, *(self._check_choice(kind, change.events) if change.events is not None else [])]

    def check_target(self, kind: WebhookKind, url: str) -> list[Finding]:
        """Findings about where notices of a kind are to go."""
        if kind is not WebhookKind.MAIL:
            return check_url(url, self.allowed)
        if not self.sends_mail:
            hint = "the operator sets PACKTRAIN_SMTP_HOST and PACKTRAIN_SMTP_FROM for server and worker"
            return [Finding(("kind",), "this packtrain sends no mail", hint)]
        return check_mail(url)

    def sealed_secret(self, request: JobWebhook) -> tuple[str | None, bytes | None]:
        """The secret of a new webhook, as it is shown once and as it is kept. Raises Conflict without a key."""
        if not request.kind.is_signed:
            return None, None
        secret = request.secret.get_secret_value() if request.secret is not None else new_secret()
        return secret, self.cipher.encrypt(secret)

    def _check_choice(self, kind: WebhookKind, events: Sequence[str]) -> list[Finding]:
        unknown = [place for place, event in enumerate(events) if event not in ENDS]
        if kind is not WebhookKind.OPENAI or not unknown or not events:
            return check_events(events)
        message = f"{events[unknown[0]][:100]} is no event that OpenAI has a name for"
        return [Finding(("events", unknown[0]), message, f"of kind openai there are: {', '.join(ENDS)}")]

    def _check_secret(self, kind: WebhookKind, secret: SecretStr | None) -> list[Finding]:
        loc = ("secret",)
        if not kind.is_signed:
            hint = "leave it out, or choose kind standard or openai"
            return [Finding(loc, f"notices of kind {kind} are not signed", hint)] if secret is not None else []
        if secret is not None and not is_secret(secret.get_secret_value()):
            return [Finding(loc, "this is no secret to sign with", "whsec_ and 24 to 64 bytes in base64")]
        try:
            self.cipher.encrypt("")
        except Conflict as error:
            return [Finding(("kind",), str(error), error.hint)]
        return []


NO_NOTICES = NoticeRules(Cipher(None))
"""Of a server without a key."""


def rules_of(settings: Settings, cipher: Cipher) -> NoticeRules:
    """The rules of a server or a worker with these settings."""
    return NoticeRules(
        cipher, settings.notice_targets, settings.smtp_host is not None and settings.smtp_from is not None
    )


def raise_wrong(findings: Sequence[Finding]) -> None:
    """Raise InvalidInput where there are any."""
    if findings:
        raise InvalidInput(findings)
