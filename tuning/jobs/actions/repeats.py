"""Repeats of a request that brings no key: its client counts them, and all of them together make one job."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from tuning.jobs.models import Job
from tuning.jobs.queries import requests

REPEATED_WITHIN = timedelta(minutes=10)
"""Longer than a client waits between a request and its repeat."""
_MADE_BY_REPEAT = "made by a repeat: "
"""Begin of the key of such a job; the keys that clients send hold no space."""


def job_of_other_sending(
    session: Session, user_id: str, request_sha256: str, sent_before: int, now: datetime
) -> Job | None:
    """The job that another sending of this request made: of a repeat the newest, of the first a repeat's.

    The others wait from here on until the transaction ends, so that none of them misses a job that is not committed.
    """
    requests.lock_new_jobs(session)
    if sent_before > 0:
        return requests.newest_of_request(session, user_id, request_sha256, now - REPEATED_WITHIN)
    return requests.newest_of_request(session, user_id, request_sha256, now, key_begin=_MADE_BY_REPEAT)


def key_of_sending(job_id: str, sent_before: int) -> str | None:
    """The key of a job that this sending makes: it tells the first sending, should that come later, of the repeat."""
    return f"{_MADE_BY_REPEAT}{job_id}" if sent_before > 0 else None
