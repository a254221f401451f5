"""Pages of jobs read one after the other, up to a bound."""

from itertools import islice
from typing import TYPE_CHECKING

from packtrain.cli.lookup.all_pages import MOST_ROWS, each_row
from packtrain.schema import JobPage

if TYPE_CHECKING:
    from packtrain.client import Packtrain

Filters = dict[str, str | list[str]]


def all_jobs(api: "Packtrain", filters: Filters) -> JobPage:
    """All pages as one; of more than MOST_ROWS the first."""
    rows = each_row(lambda limit, after: api.jobs(limit=limit, after=after, **filters))
    jobs = list(islice(rows, MOST_ROWS + 1))
    return {"data": jobs[:MOST_ROWS], "has_more": len(jobs) > MOST_ROWS, "next": None}


def nth_page(api: "Packtrain", filters: Filters, limit: int, number: int, after: str | None) -> JobPage:
    """A page by its number from 1, counted from a cursor where one is given."""
    found = api.jobs(limit=limit, after=after, **filters)
    for _ in range(number - 1):
        if not found["has_more"] or found["next"] is None:
            return {"data": [], "has_more": False, "next": None}
        found = api.jobs(limit=limit, after=found["next"], **filters)
    return found
