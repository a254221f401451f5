"""Query of a list of fine-tuning jobs: OpenAI's `after`, `limit` and `metadata[key]=value`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request

from tuning.errors import Finding, InvalidInput
from tuning.jobs.search.page import Tag

MOST_LISTED = 500
Limit = Annotated[int, Query(ge=1, le=MOST_LISTED)]
After = Annotated[str | None, Query(max_length=100)]
_PAIR = re.compile(r"metadata\[([^:\x00-\x1f\x7f]{1,64})\]")
_MOST_PAIRS = 16
_KNOWN = frozenset({"after", "limit"})


@dataclass(frozen=True)
class JobListQuery:
    """Jobs that are asked for."""

    after: str | None
    limit: int
    tags: tuple[Tag, ...]
    is_untagged: bool
    """Only those without metadata."""


def read_metadata(parameters: Iterable[tuple[str, str]]) -> tuple[tuple[Tag, ...], bool]:
    """The pairs that jobs must have, and whether they must have none. Raises InvalidInput for unknown parameters."""
    tags: list[Tag] = []
    is_untagged = False
    for name, value in parameters:
        if name == "metadata" and value == "null":
            is_untagged = True
        elif (pair := _PAIR.fullmatch(name)) is not None:
            tags.append((pair[1], value))
        elif name not in _KNOWN:
            hint = "after, limit and metadata[key]=value filter fine-tuning jobs"
            raise InvalidInput([Finding(("query", name[:80]), "there is no such filter", hint)])
    if len(tags) > _MOST_PAIRS:
        raise InvalidInput([Finding(("query", "metadata"), f"at most {_MOST_PAIRS} pairs are looked for")])
    return tuple(tags), is_untagged


async def job_list_query(request: Request, after: After = None, limit: Limit = 20) -> JobListQuery:
    """For the route that lists fine-tuning jobs."""
    return JobListQuery(after, limit, *read_metadata(request.query_params.multi_items()))


JobListQueryDep = Annotated[JobListQuery, Depends(job_list_query)]
