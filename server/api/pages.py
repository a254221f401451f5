"""Lists: a page of things, the way to the next, and what a filter may say."""

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

DEFAULT_LIMIT = 50
MAX_LIMIT = 500

Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT, description="The most items of the page.")]
After = Annotated[
    str | None, Field(max_length=1000, description="The `next` of the page before; this page begins behind it.")
]
# Without control characters: PostgreSQL takes no NUL, not even to look for it.
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
# Within what every time zone and both databases can hold.
Moment = Annotated[AwareDatetime, Field(ge=datetime(1971, 1, 1, tzinfo=UTC), le=datetime(9998, 1, 1, tzinfo=UTC))]

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """A part of a list."""

    data: list[Item]
    has_more: bool
    next: str | None = Field(description="Give it as `after` for the next page; null on the last.")
