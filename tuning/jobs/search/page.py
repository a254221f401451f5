"""A page of jobs: filters, order, and a cursor that new jobs do not shift.

However many jobs there are, a page costs the same: indexes give its ids in its order, and the rows are read by them.
What an index can walk in order is one status, one owner, one kind, one cluster or one tag; of further filters the rows
that do not match are passed over on the way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy import Select, exists, false, func, literal, select, union_all
from sqlalchemy.orm import Session, aliased

from tuning.jobs.layout import OUTPUT_REMOVED
from tuning.jobs.models import Job, JobTag
from tuning.jobs.search.names import SHORTEST, candidates, mentions
from tuning.jobs.search.order import Columns, Conditions, Place, Sort, behind, cursor_of, in_order, place_of
from tuning.jobs.sight import EVERY_JOB, Sight
from tuning.jobs.status import JobStatus

_NEAR = 1_000
"""So many jobs of a page's order are looked at for a text before the index of names is asked: a common one is found
among them at once, of which the index would give thousands to be sorted."""
_MOST_PRIORITIES = 8
"""So many priorities are walked one by one where dates are asked for in the order of priority."""
_COUNTED_TAGS = 1_000

KINDS_WITH_MODEL = ("train", "export")
Tag = tuple[str, str]


@dataclass(frozen=True)
class Filter:
    """Filter of a list of jobs; None or empty = all."""

    statuses: Sequence[JobStatus] = ()
    kind: str | None = None
    owner_id: str | None = None
    team_id: str | None = None
    cluster: str | None = None
    tags: Sequence[Tag] = ()
    text: str | None = None
    """A part of the name, or the beginning of an id, or Slurm's number."""
    created_after: datetime | None = None
    created_before: datetime | None = None
    is_untagged: bool = False
    """Only those without any tag."""
    leaves_model: bool = False
    """Only those of kinds that leave a model, whose output was not removed; give `statuses` succeeded beside it."""
    sight: Sight = EVERY_JOB
    """The jobs that whoever asks may see."""

    @property
    def is_dated(self) -> bool:
        """Whether it asks for dates."""
        return self.created_after is not None or self.created_before is not None


@dataclass(frozen=True)
class JobPage:
    """Some jobs, and the cursor of the next ones."""

    jobs: Sequence[Job]
    next: str | None


@dataclass(frozen=True)
class _Search:
    """Filters of a search, and the place behind which it looks."""

    session: Session
    wanted: Filter
    sort: Sort
    place: Place | None


def list_jobs(session: Session, wanted: Filter, sort: Sort, after: str | None, limit: int) -> JobPage:
    """At most `limit` jobs behind a cursor. Raises InvalidInput when the cursor is not one of this order."""
    ids = _ids(_Search(session, wanted, sort, place_of(sort, after) if after is not None else None), limit + 1)
    rows = {job.id: job for job in session.scalars(select(Job).where(Job.id.in_(ids)))} if ids else {}
    jobs = [rows[job_id] for job_id in ids]
    if len(jobs) <= limit:
        return JobPage(jobs, None)
    return JobPage(jobs[:limit], cursor_of(sort, jobs[limit - 1]))


def _ids(search: _Search, limit: int) -> Sequence[str]:
    text, walks = search.wanted.text, _walks(search)
    if not text:
        return _first(search, walks, limit)
    if len(text) < SHORTEST:
        return _first(search, [walk.where(mentions(text, Job)) for walk in walks], limit)
    near = _merged(walks, search.sort, _NEAR).subquery()
    found = select(near.c.id).where(mentions(text, near.c)).order_by(*in_order(search.sort, _columns(near.c)))
    ids = search.session.scalars(found.limit(limit)).all()
    if len(ids) == limit:
        return ids
    indexed = Job.id.in_(candidates(search.session, text))
    return _first(search, [walk.where(indexed, mentions(text, Job)) for walk in walks], limit)


def _first(search: _Search, walks: Sequence[Select[Any]], limit: int) -> Sequence[str]:
    return [row.id for row in search.session.execute(_merged(walks, search.sort, limit))]


def _merged(walks: Sequence[Select[Any]], sort: Sort, limit: int) -> Select[Any]:
    """The first rows of several walks, in their common order."""
    if len(walks) == 1:
        return walks[0].limit(limit)
    parts = union_all(*(select(walk.limit(limit).subquery()) for walk in walks)).subquery()
    return select(*parts.c).order_by(*in_order(sort, _columns(parts.c))).limit(limit)


def _columns(rows: Any) -> Columns:
    return Columns(rows.priority, rows.created_at, rows.id)


def _walks(search: _Search) -> list[Select[Any]]:
    """One for each stretch of an index: each status, part of what is seen, and part of what lies behind the cursor."""
    wanted = search.wanted
    here, job_id = _columns(Job), Job.id
    parts = _parts(wanted)
    if wanted.tags:
        here, job_id = Columns(JobTag.priority, JobTag.created_at, JobTag.job_id), JobTag.job_id
    named = (Job.name, Job.slurm_job_id) if wanted.text else ()
    start = select(job_id.label("id"), here.priority, here.created_at, *named)
    if wanted.tags:
        start = start.join_from(JobTag, Job, Job.id == JobTag.job_id).where(*_tagged(search))
    start = start.where(*_equal(wanted), *_dated(search, here)).order_by(*in_order(search.sort, here))
    return [start.where(*part, *stretch) for part, stretch in product(parts, _stretches(search, here))]


def _parts(wanted: Filter) -> list[Conditions]:
    """Each status, or each part of what is seen with all of the statuses; where tags are walked, only one part."""
    together: Conditions = [Job.status.in_(wanted.statuses)] if wanted.statuses else []
    if wanted.tags:
        return [[*together, wanted.sight.condition]]
    if wanted.sight == EVERY_JOB or wanted.owner_id is not None:
        return [[*status, wanted.sight.condition] for status in _statuses(wanted)]
    return [[*stretch, *together] for stretch in wanted.sight.stretches()]


def _statuses(wanted: Filter) -> list[Conditions]:
    return [[Job.status == status] for status in wanted.statuses] or [[]]


def _stretches(search: _Search, here: Columns) -> list[Conditions]:
    place = search.place
    stretches = behind(place, search.sort, here) if place is not None else [[]]
    if search.sort is not Sort.PRIORITY or not search.wanted.is_dated:
        return stretches
    # only within one priority dates are a stretch of an index
    priorities = _priorities(search.session, place.priority if place is not None else None)
    each: list[Conditions] = [[here.priority == priority] for priority in priorities]
    if len(priorities) == _MOST_PRIORITIES:
        each.append([here.priority < priorities[-1]])
    return [*stretches[:-1], *each] or stretches


def _priorities(session: Session, below: int | None) -> list[int]:
    """The next priorities that jobs have, the highest first, each found by an index."""
    found: list[int] = []
    while len(found) < _MOST_PRIORITIES:
        query = select(func.max(Job.priority))
        limit = found[-1] if found else below
        highest = session.scalar(query.where(Job.priority < limit) if limit is not None else query)
        if highest is None:
            break
        found.append(highest)
    return found


def _equal(wanted: Filter) -> Conditions:
    named = ((Job.kind, wanted.kind), (Job.owner_id, wanted.owner_id), (Job.team_id, wanted.team_id))
    equal = (*named, (Job.cluster, wanted.cluster))
    conditions = [column == value for column, value in equal if value is not None]
    conditions += _leaves_model() if wanted.leaves_model else []
    return [*conditions, ~exists().where(JobTag.job_id == Job.id)] if wanted.is_untagged else conditions


def _leaves_model() -> Conditions:
    """Whether a job that has succeeded left a model that is still there."""
    return [
        Job.kind.in_(KINDS_WITH_MODEL),
        func.coalesce(Job.result[OUTPUT_REMOVED].as_boolean(), false()).is_(false()),
    ]


def _tagged(search: _Search) -> Conditions:
    """The rarest tag is walked; the others are looked up for each job."""
    (key, value), *others = _rarest_first(search.session, search.wanted.tags)
    conditions: Conditions = [JobTag.key == key, JobTag.value == value]
    for other_key, other_value in others:
        other = aliased(JobTag)
        same = (other.job_id == JobTag.job_id, other.key == other_key, other.value == other_value)
        conditions.append(exists().where(*same))
    return conditions


def _rarest_first(session: Session, tags: Sequence[Tag]) -> Sequence[Tag]:
    if len(tags) == 1:
        return tags

    def count(tag: Tag) -> int:
        some = select(literal(1)).where(JobTag.key == tag[0], JobTag.value == tag[1]).limit(_COUNTED_TAGS)
        return session.scalar(select(func.count()).select_from(some.subquery())) or 0

    return sorted(tags, key=count)


def _dated(search: _Search, here: Columns) -> Conditions:
    """The dates that are asked for; without those that the cursor implies, at which a walk would begin too early."""
    after, before = search.wanted.created_after, search.wanted.created_before
    at = search.place.created_at if search.place is not None else None
    if at is not None and search.sort is Sort.OLDEST and after is not None and after < at:
        after = None
    if at is not None and search.sort is Sort.NEWEST and before is not None and before > at:
        before = None
    bounds = (here.created_at > after if after is not None else None, here.created_at < before if before else None)
    return [bound for bound in bounds if bound is not None]
