"""A page of jobs: filters, order, and a cursor that new jobs do not shift."""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from tuning.errors import Finding, InvalidInput
from tuning.jobs.models import Job, JobTag
from tuning.jobs.status import JobStatus

_JOB_ID = re.compile(r"job_[a-z0-9]{1,28}")


class Sort(StrEnum):
    """The orders; each ends in the id, so that no two jobs are alike."""

    NEWEST = "-created_at"
    OLDEST = "created_at"
    PRIORITY = "-priority"
    """As packtrain's own queue goes: the highest first, then the oldest."""


@dataclass(frozen=True)
class Filter:
    """Which jobs; None or empty = all."""

    statuses: Sequence[JobStatus] = ()
    kind: str | None = None
    owner_id: str | None = None
    cluster: str | None = None
    tags: Sequence[tuple[str, str]] = ()
    text: str | None = None
    """A part of the name, or a whole id, or Slurm's number."""
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True)
class JobPage:
    """Some jobs, and the cursor of the next ones."""

    jobs: Sequence[Job]
    next: str | None


def list_jobs(session: Session, wanted: Filter, sort: Sort, after: str | None, limit: int) -> JobPage:
    """At most `limit` jobs behind a cursor. Raises InvalidInput when the cursor is not one of this order."""
    query = select(Job).where(*_conditions(wanted)).order_by(*_order(sort)).limit(limit + 1)
    if after is not None:
        query = _behind(query, sort, after)
    jobs = session.scalars(query).all()
    if len(jobs) <= limit:
        return JobPage(jobs, None)
    return JobPage(jobs[:limit], _cursor(sort, jobs[limit - 1]))


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    equal = ((Job.kind, wanted.kind), (Job.owner_id, wanted.owner_id), (Job.cluster, wanted.cluster))
    conditions: list[ColumnElement[bool]] = [column == value for column, value in equal if value is not None]
    if wanted.statuses:
        conditions.append(Job.status.in_(wanted.statuses))
    if wanted.created_after is not None:
        conditions.append(Job.created_at > wanted.created_after)
    if wanted.created_before is not None:
        conditions.append(Job.created_at < wanted.created_before)
    if wanted.text:
        conditions.append(_mentions(wanted.text))
    for key, value in wanted.tags:
        tagged = select(JobTag.job_id).where(JobTag.key == key, JobTag.value == value)
        conditions.append(Job.id.in_(tagged))
    return conditions


def _mentions(text: str) -> ColumnElement[bool]:
    named = or_(Job.name.icontains(text, autoescape=True), Job.id == text)
    is_number = text.isascii() and text.isdecimal() and len(text) < 19
    return or_(named, Job.slurm_job_id == int(text)) if is_number else named


def _order(sort: Sort) -> tuple[ColumnElement[Any], ...]:
    match sort:
        case Sort.NEWEST:
            return (Job.created_at.desc(), Job.id.desc())
        case Sort.OLDEST:
            return (Job.created_at.asc(), Job.id.asc())
        case Sort.PRIORITY:
            return (Job.priority.desc(), Job.created_at.asc(), Job.id.asc())


def _behind(query: Select[Job], sort: Sort, after: str) -> Select[Job]:
    priority, created_at, job_id = _read_cursor(sort, after)
    place = tuple_(literal(created_at, Job.created_at.type), literal(job_id, Job.id.type))
    here = tuple_(Job.created_at, Job.id)
    match sort:
        case Sort.NEWEST:
            return query.where(here < place)
        case Sort.OLDEST:
            return query.where(here > place)
        case Sort.PRIORITY:
            return query.where(or_(Job.priority < priority, and_(Job.priority == priority, here > place)))


def _cursor(sort: Sort, job: Job) -> str:
    text = json.dumps([sort, job.priority, job.created_at.isoformat(), job.id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(sort: Sort, cursor: str) -> tuple[int, datetime, str]:
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
    return priority, moment, job_id
