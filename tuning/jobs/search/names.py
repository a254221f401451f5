"""Looking for a part of a job's name: by its trigrams, in a table that the database keeps (migration 0008)."""

import re
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, String, Text, and_, column, or_, select, table, union
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import CompoundSelect

from tuning.jobs.models import Job

SHORTEST = 3
"""Characters: what is shorter has no trigram, and is looked for job by job."""

_ID_START = re.compile(r"job_[0-9a-z]{1,20}")
_ID_LENGTH = 24

_names = table("job_names", column("job_id", String), column("name", Text))


def mentions(text: str, jobs: Any) -> ColumnElement[bool]:
    """Whether a text is a part of the name, or begins the id, or is Slurm's number; `jobs` has these columns."""
    named = or_(jobs.name.icontains(text, autoescape=True), _begins_id(text, jobs.id))
    number = _slurm_number(text)
    return or_(named, jobs.slurm_job_id == number) if number is not None else named


def candidates(session: Session, text: str) -> CompoundSelect[str]:
    """The ids of at least those jobs that mention a text of SHORTEST characters or more, found by indexes."""
    # SQLite folds more letters here than in LIKE: who asks looks at `mentions` too
    phrase = '"' + text.replace('"', '""') + '"'
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    part = _names.c.name.icontains(text, autoescape=True) if is_postgresql else _names.c.name.match(phrase)
    ways: list[Select[str]] = [select(_names.c.job_id).where(part), select(Job.id).where(_begins_id(text, Job.id))]
    number = _slurm_number(text)
    if number is not None:
        ways.append(select(Job.id).where(Job.slurm_job_id == number))
    return union(*ways)


def _begins_id(text: str, job_id: Any) -> ColumnElement[bool]:
    """Whether an id begins with a text: a stretch of the ids' index in any collation, as each is of small letters."""
    if not _ID_START.fullmatch(text):
        return cast(ColumnElement[bool], job_id == text)
    return and_(job_id >= text, job_id <= text.ljust(_ID_LENGTH, "z"), job_id.startswith(text, autoescape=True))


def _slurm_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
