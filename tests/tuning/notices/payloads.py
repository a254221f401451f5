"""Payloads of notices, as tests want them."""

from typing import Any

from tests.factories import NOON
from tuning.notices.payload import JobNotice, job_payload


def make_notice(**values: Any) -> JobNotice:
    """An end of a job, unless told otherwise."""
    usual: dict[str, Any] = {
        "event": "job.failed",
        "at": NOON,
        "message": "out of memory",
        "details": {"attempt": 1},
        "job_id": "job_1",
        "job_name": "wmt ja-en",
        "kind": "train",
        "status": "failed",
        "cluster": "lab",
        "owner": "ada",
    }
    return JobNotice(**{**usual, **values})


def make_payload(**values: Any) -> dict[str, Any]:
    """The payload of such a notice."""
    return job_payload(make_notice(**values))
