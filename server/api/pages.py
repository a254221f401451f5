"""Lists: a page of things, the way to the next, which fields of them are wanted, and what a filter may say."""

import difflib
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints
from starlette.responses import Response

from server.http.errors.findings import model_of
from tuning.errors import Finding, InvalidInput

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
LONGEST_SHOWN = 80

Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT, description="The most items of the page.")]
After = Annotated[
    str | None, Field(max_length=1000, description="The `next` of the page before; this page begins behind it.")
]
# Without control characters: PostgreSQL takes no NUL, not even to look for it.
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
# Within what every time zone and both databases can hold.
Moment = Annotated[AwareDatetime, Field(ge=datetime(1971, 1, 1, tzinfo=UTC), le=datetime(9998, 1, 1, tzinfo=UTC))]

Fields = Annotated[
    str | None,
    Field(
        max_length=1000,
        description="Only these fields of each row, with commas between: `id,name,status,progress.percentage`.",
    ),
]

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """A part of a list."""

    data: list[Item]
    has_more: bool
    next: str | None = Field(description="Give it as `after` for the next page; null on the last.")


def with_fields(page: Page[Item], row: type[BaseModel], fields: str | None) -> Page[Item] | Response:
    """The page, or, where fields of its rows are named, an answer with these alone.

    Raises InvalidInput for a field that such rows do not have.
    """
    if fields is None:
        return page
    rows: dict[str, Any] = {}
    for name in dict.fromkeys(part.strip() for part in fields.split(",")):
        _include(rows, row, name)
    wanted: dict[str, Any] = {"data": {"__all__": rows}, "has_more": True, "next": True}
    return Response(page.model_dump_json(include=wanted, by_alias=True), media_type="application/json")


def _include(rows: dict[str, Any], row: type[BaseModel], name: str) -> None:
    """Add `field`, or `field.field`, to what pydantic is to include."""
    shown, _, second = name.partition(".")
    first = _field(row, shown, name)
    within = model_of(row.model_fields[first].annotation) if second else None
    if not second:
        rows[first] = True
    elif within is None:
        raise _unknown(name, f"{shown} has no named fields: ask for {shown}")
    else:
        field = _field(within, second, name)
        if rows.get(first) is not True:
            rows.setdefault(first, {})[field] = True


def _field(model: type[BaseModel], shown: str, name: str) -> str:
    """The model's own name of a field that is shown under this one."""
    names = {field.alias or own: own for own, field in model.model_fields.items()}
    if shown not in names:
        close = difflib.get_close_matches(shown[:100], names, n=1)
        raise _unknown(name, f"did you mean {close[0]}?" if close else f"the fields are {', '.join(names)}")
    return names[shown]


def _unknown(name: str, hint: str) -> InvalidInput:
    shown = name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}..."
    return InvalidInput([Finding(("query", "fields"), f"rows have no field {shown!r}", hint)])
