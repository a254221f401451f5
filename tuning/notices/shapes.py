"""Bodies of notices over HTTP, by kind: Standard Webhooks, Slack, Mattermost, OpenAI's events. Pure."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tuning.notices.events import ENDS, OPENAI_NAMES
from tuning.notices.models import WebhookKind
from tuning.storable import storable_line

_LONGEST_WORDS = 1000
_NO_MENTION = "\u200b"
"""A space of no width: `@channel` in a job's name calls nobody."""


def body_of(kind: WebhookKind, delivery_id: str, payload: Mapping[str, Any]) -> bytes:
    """The body as it is sent, the same at each try."""
    if kind is WebhookKind.STANDARD:
        return _json({"id": delivery_id, **payload})
    if kind is WebhookKind.OPENAI:
        return _json(_openai_event(delivery_id, payload))
    escape = _slack_text if kind is WebhookKind.SLACK else _mattermost_text
    return _json({"text": escape(sentence(payload))})


def sentence(payload: Mapping[str, Any]) -> str:
    """A notice in one line: which job, what happened, why."""
    data = payload["data"]
    job = data.get("job")
    message = storable_line(data["message"].replace("\n", " "), _LONGEST_WORDS)
    if job is None:
        return f"packtrain: {message}"
    name = storable_line(job["name"], _LONGEST_WORDS)
    return f"{name} ({job['id']}, {job['owner']}) {_happened(payload['type'])}: {message}"


def _openai_event(delivery_id: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The end of a training; a test is an example of one, of a job that is not there."""
    data = payload["data"]
    ended, job_id = (
        (payload["type"], data["job"]["id"]) if "job" in data else (data.get("example", ENDS[0]), "job_test")
    )
    return {
        "id": delivery_id,
        "object": "event",
        "type": OPENAI_NAMES[ended],
        "created_at": int(datetime.fromisoformat(payload["timestamp"]).timestamp()),
        "data": {"id": job_id.replace("job_", "ftjob-", 1)},
    }


def _happened(event: str) -> str:
    """`job.succeeded` as `succeeded`; `checkpoint.saved` as `checkpoint saved`."""
    return event.removeprefix("job.").replace(".", " ").replace("_", " ")


def _slack_text(text: str) -> str:
    """Without it `<!channel>` would call everybody, and `<url|word>` hide where a link leads."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mattermost_text(text: str) -> str:
    inert = "".join(f"\\{character}" if character in "\\`*_[]#|~<>" else character for character in text)
    return inert.replace("@", f"@{_NO_MENTION}")


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
