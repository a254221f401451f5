"""Filters of the people's pages, as they stand in the address."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tuning.jobs.queries.use.usage_report import Period
from tuning.people.audit import AuditFilter

PERIODS_DAYS = (7, 30, 90)
_USUAL_DAYS = 30
_LONGEST = 200
_FIRST, _LAST = date(1971, 1, 1), date(9997, 1, 1)
_Word = Annotated[str, Field(max_length=_LONGEST, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Day = Annotated[date | None, Field(ge=_FIRST, le=_LAST), BeforeValidator(lambda given: given or None)]


class Part(StrEnum):
    """Part of the page of everybody."""

    USE = "use"
    LIMITS = "limits"
    PEOPLE = "people"
    AUDIT = "audit"


class PeopleFilters(BaseModel):
    """Filters of each part. Names that the page does not know are left alone: links grow old."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    show: Part = Part.USE
    days: int = _USUAL_DAYS
    q: _Word = ""
    after: _Word = ""
    actor: _Word = ""
    subject: _Word = ""
    action: _Word = ""
    since: _Day = None
    until: _Day = None
    webhook: _Word = ""
    """The webhook whose deliveries are shown."""

    def period(self, now: datetime) -> Period:
        """The days up to today."""
        return Period(now.date() - timedelta(days=self.shown_days - 1), now.date())

    @property
    def shown_days(self) -> int:
        """One of the periods; the usual one in place of any other number."""
        return self.days if self.days in PERIODS_DAYS else _USUAL_DAYS

    @property
    def audit(self) -> AuditFilter:
        """Filter of the record; its last day is part of it."""
        since = datetime.combine(self.since, time.min, UTC) if self.since else None
        until = datetime.combine(self.until, time.min, UTC) + timedelta(days=1) if self.until else None
        return AuditFilter(self.actor or None, self.subject or None, self.action or None, since, until)

    def query(self, **changes: Any) -> str:
        """The query of an address with these filters."""
        values = {**self.model_dump(mode="json"), **changes}
        usual = PeopleFilters().model_dump(mode="json")
        kept = {name: value for name, value in values.items() if value not in ("", None) and value != usual[name]}
        return f"?{urlencode(kept)}" if kept else "?"


FiltersQuery = Annotated[PeopleFilters, Query()]
