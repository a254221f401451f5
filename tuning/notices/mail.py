"""Mail of a notice: subject, text and headers. Pure."""

from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from tuning.notices.shapes import sentence
from tuning.storable import storable_line, storable_text

_LONGEST_SUBJECT = 150


def mail_of(sender: str, recipient: str, delivery_id: str, payload: Mapping[str, Any], now: datetime) -> EmailMessage:
    """The message; a mailbox knows a repeated one by its Message-ID."""
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, recipient
    mail["Subject"] = storable_line(_subject(payload), _LONGEST_SUBJECT)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{delivery_id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # no out-of-office answers to it (RFC 3834)
    mail.set_content(_text(payload))
    return mail


def _subject(payload: Mapping[str, Any]) -> str:
    job = payload["data"].get("job")
    return f"[packtrain] {payload['type']}: {job['name']}" if job else f"[packtrain] {payload['type']}"


def _text(payload: Mapping[str, Any]) -> str:
    data = payload["data"]
    lines = [sentence(payload), "", f"when: {payload['timestamp']}"]
    lines += [f"{name}: {value}" for name, value in data.get("job", {}).items() if name != "url"]
    lines += ["", "Which notices you get: packtrain webhooks list"]
    return storable_text("\n".join(line.replace("\r", " ") for line in lines), 20_000) + "\n"
