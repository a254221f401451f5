"""Mail tries: one message, handed to the site's SMTP server."""

import smtplib
import ssl
from email.message import EmailMessage

from tuning.notices.claims import Outcome
from tuning.settings import Settings

TIMEOUT_SECONDS = 10.0
"""Of each answer of the server: it is the operator's own."""


class MailSender:
    """Sends mail by the server of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tls = ssl.create_default_context()

    @property
    def sender(self) -> str | None:
        """The address that mail comes from; None where this packtrain sends none."""
        return self._settings.smtp_from if self._settings.smtp_host is not None else None

    def send(self, mail: EmailMessage) -> Outcome:
        """One try; whatever goes wrong with it is its outcome."""
        try:
            with self._connected() as server:
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            answers = "; ".join(f"{code} {_text(words)}" for code, words in error.recipients.values())
            return Outcome(False, error=f"the mail server refused the address: {answers}"[:500])
        except smtplib.SMTPResponseException as error:
            return Outcome(False, error=f"the mail server answered {error.smtp_code} {_text(error.smtp_error)}"[:500])
        except ssl.SSLCertVerificationError as error:
            host = self._settings.smtp_host
            return Outcome(False, error=f"the certificate of {host} does not hold: {error.verify_message}"[:500])
        except (smtplib.SMTPException, OSError) as error:
            return Outcome(False, error=f"the mail server did not take it: {error}"[:500])
        return Outcome(True)

    def _connected(self) -> smtplib.SMTP:
        """Raises OSError, SMTPException."""
        settings, host = self._settings, self._settings.smtp_host or ""
        if settings.smtp_security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, settings.smtp_port, timeout=TIMEOUT_SECONDS, context=self._tls
            )
        else:
            server = smtplib.SMTP(host, settings.smtp_port, timeout=TIMEOUT_SECONDS)
        try:
            if settings.smtp_security == "starttls":
                server.starttls(context=self._tls)
            if settings.smtp_user is not None and settings.smtp_password is not None:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server


def _text(words: bytes | str) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else words
