"""Rows of all pages of a list of the API, up to a bound."""

from collections.abc import Callable, Iterator
from typing import Any

MOST_ROWS = 10_000
_MOST_A_PAGE = 500


def each_row(page_of: Callable[..., Any]) -> Iterator[Any]:
    """The rows of one page after the other, MOST_ROWS at least where there are as many.

    `page_of`: a method of the client that takes `limit` and `after`.
    """
    after: str | None = None
    for _ in range(MOST_ROWS // _MOST_A_PAGE + 1):
        found = page_of(limit=_MOST_A_PAGE, after=after)
        yield from found["data"]
        after = found["next"]
        if not found["has_more"] or after is None:
            return
