"""The orders of lists of jobs, and the cursor that says where a page begins."""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, literal, tuple_

from tuning.errors import Finding, InvalidInput
from tuning.jobs.models import Job

Conditions = list[ColumnElement[bool]]
_JOB_ID = re.compile(r"job_[a-z0-9]{1,28}")


class Sort(StrEnum):
    """The orders; each ends in the id, so that no two jobs are alike."""

    NEWEST = "-created_at"
    OLDEST = "created_at"
    PRIORITY = "-priority"
    """As packtrain's own queue goes: the highest first, then the oldest."""


@dataclass(frozen=True)
class Place:
    """Place at which a page begins: behind this job."""

    priority: int
    created_at: datetime
    job_id: str


@dataclass(frozen=True)
class Columns:
    """Columns that the orders are made of: a job's own, or those that its tags repeat."""

    priority: Any
    created_at: Any
    job_id: Any


def in_order(sort: Sort, here: Columns) -> tuple[ColumnElement[Any], ...]:
    """For ORDER BY."""
    match sort:
        case Sort.NEWEST:
            return (here.created_at.desc(), here.job_id.desc())
        case Sort.OLDEST:
            return (here.created_at.asc(), here.job_id.asc())
        case Sort.PRIORITY:
            return (here.priority.desc(), here.created_at.asc(), here.job_id.asc())


def behind(place: Place, sort: Sort, here: Columns) -> list[Conditions]:
    """Conditions for the jobs behind a place, in parts that are each one stretch of an index."""
    there = tuple_(literal(place.created_at, Job.created_at.type), literal(place.job_id, Job.id.type))
    where = tuple_(here.created_at, here.job_id)
    match sort:
        case Sort.NEWEST:
            return [[where < there]]
        case Sort.OLDEST:
            return [[where > there]]
        case Sort.PRIORITY:
            return [[here.priority == place.priority, where > there], [here.priority < place.priority]]


def cursor_of(sort: Sort, job: Job) -> str:
    """The place behind this job, as users hand it back."""
    text = json.dumps([sort, job.priority, job.created_at.isoformat(), job.id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(sort: Sort, cursor: str) -> Place:
    """The place that a cursor names. Raises InvalidInput when it is not one of this order."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        made_for, priority, created_at, job_id = json.loads(base64.b64decode(padded, b"-_", validate=True))
        moment = datetime.fromisoformat(created_at)
        is_ours = made_for == sort and moment.tzinfo is not None and 1970 < moment.year < 9999
        is_whole = type(priority) is int and abs(priority) < 2**31 and _JOB_ID.fullmatch(job_id)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        is_ours = is_whole = False
    if not (is_ours and is_whole):
        hint = "give `next` of the page before, with the same sort"
        raise InvalidInput([Finding(("query", "after"), "this is no cursor of this list", hint)])
    return Place(priority, moment, job_id)
