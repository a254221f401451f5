"""Pages of jobs read one after the other, up to a bound."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from packtrain.schema import Job, JobPage

if TYPE_CHECKING:
    from packtrain.client import Packtrain

MOST_JOBS = 10_000
_MOST_A_PAGE = 500
Filters = dict[str, str | list[str]]


def all_jobs(api: "Packtrain", filters: Filters) -> JobPage:
    """All pages as one; of more than MOST_JOBS the first."""
    jobs = list(islice(_each(api, filters), MOST_JOBS + 1))
    return {"data": jobs[:MOST_JOBS], "has_more": len(jobs) > MOST_JOBS, "next": None}


def nth_page(api: "Packtrain", filters: Filters, limit: int, number: int, after: str | None) -> JobPage:
    """A page by its number from 1, counted from a cursor where one is given."""
    found = api.jobs(limit=limit, after=after, **filters)
    for _ in range(number - 1):
        if not found["has_more"] or found["next"] is None:
            return {"data": [], "has_more": False, "next": None}
        found = api.jobs(limit=limit, after=found["next"], **filters)
    return found


def _each(api: "Packtrain", filters: Filters) -> Iterator[Job]:
    after: str | None = None
    for _ in range(MOST_JOBS // _MOST_A_PAGE + 1):
        found = api.jobs(limit=_MOST_A_PAGE, after=after, **filters)
        yield from found["data"]
        after = found["next"]
        if not found["has_more"] or after is None:
            return
