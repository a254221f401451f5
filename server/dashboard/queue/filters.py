"""Filters of the queue page, as they stand in its address."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from tuning.jobs.status import JobStatus

_LONGEST = 200
_Word = Annotated[str, Field(max_length=_LONGEST, pattern=r"^[^\x00-\x1f\x7f]*$")]


class QueueFilters(BaseModel):
    """Filters of the queue's page; empty ones show the whole queue.

    Names that the page does not know are left alone: links grow old.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    q: _Word = ""
    person: _Word = ""
    team: _Word = ""
    cluster: _Word = ""
    kind: _Word = ""
    status: _Word = ""
    after: _Word = ""

    @property
    def is_list(self) -> bool:
        """Whether one list of jobs is wanted, in place of the queue's parts."""
        return bool(self.q or self.kind or self.status or self.after)

    @property
    def is_any(self) -> bool:
        """Whether something is filtered at all."""
        return bool(self.is_list or self.person or self.team or self.cluster)

    @property
    def statuses(self) -> list[JobStatus]:
        """The status that is asked for, if it is one."""
        return [status for status in JobStatus if status == self.status]

    def address(self, **changes: Any) -> str:
        """The page's address with these filters."""
        values = {**self.model_dump(mode="json"), **changes}
        return "/?" + urlencode({name: value for name, value in values.items() if value})


FiltersQuery = Annotated[QueueFilters, Query()]
