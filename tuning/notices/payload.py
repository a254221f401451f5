"""Payload of a notice: the JSON object that a receiver is sent, as it was at the event. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tuning.storable import storable_text

_LONGEST_MESSAGE = 2000
_MOST_DETAIL_CHARACTERS = 8000


@dataclass(frozen=True)
class JobNotice:
    """An event of a job, with what a reader needs of the job to make sense of it."""

    event: str
    at: datetime
    message: str
    details: Mapping[str, Any]
    job_id: str
    job_name: str
    kind: str
    status: str
    cluster: str
    owner: str


def job_payload(notice: JobNotice) -> dict[str, Any]:
    """The payload for an event of a job; details that are too long are left out."""
    job = {
        "id": notice.job_id,
        "name": notice.job_name,
        "kind": notice.kind,
        "status": notice.status,
        "cluster": notice.cluster,
        "owner": notice.owner,
        "url": f"/api/v1/jobs/{notice.job_id}",
    }
    fitting = len(json.dumps(notice.details)) <= _MOST_DETAIL_CHARACTERS
    details = dict(notice.details) if fitting else {}
    return _payload(notice.event, notice.at, {"job": job, "message": _cut(notice.message), "details": details})


def own_payload(event: str, at: datetime, message: str, webhook_id: str, example: str | None = None) -> dict[str, Any]:
    """The payload for a word about a webhook itself: its test (an example of an event), or that it was switched off."""
    shown = {"example": example} if example is not None else {}
    return _payload(event, at, {"webhook": {"id": webhook_id}, "message": _cut(message), **shown})


def _payload(event: str, at: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    stamp = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {"object": "event", "type": event, "timestamp": stamp, "data": dict(data)}


def _cut(message: str) -> str:
    return storable_text(message, _LONGEST_MESSAGE)
