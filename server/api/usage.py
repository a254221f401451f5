"""GPU time that users, teams and clusters had in a period, as JSON and as a table, and tokens of served models."""

import csv
import io
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from server.api.pages import MAX_LIMIT, Limit
from server.dependencies import CurrentUser, NowDep, SessionDep
from tuning.errors import Finding, InvalidInput
from tuning.jobs.queries.use.usage_report import Period, Usage, UsedBy, usage
from tuning.usage.tokens import TokenUse, token_use

router = APIRouter(tags=["limits"])

USUAL_DAYS = 30
MOST_DAYS = 3660
MOST_ROWS = 10_000
"""Of the table."""
_FIRST_DAY, _LAST_DAY = date(1971, 1, 1), date(9998, 1, 1)
_HEAD = ("name", "gpu_seconds", "gpu_hours", "jobs", "running_jobs")
_CSV = "text/csv; charset=utf-8"


class UsageRow(BaseModel):
    """GPU time of a user, a team or a cluster."""

    name: str = Field(description="The user, team or cluster.")
    gpu_seconds: float = Field(description="GPUs times seconds; of what runs up to now.")
    gpu_hours: float = Field(description="The same in hours.")
    jobs: int = Field(description="Runs that ended in the period.")
    running_jobs: int = Field(description="Jobs that run now.")

    @classmethod
    def of(cls, each: Usage) -> Self:
        """From the sums."""
        hours = round(each.gpu_seconds / 3600, 3)
        seconds = round(each.gpu_seconds, 1)
        return cls(name=each.name, gpu_seconds=seconds, gpu_hours=hours, jobs=each.jobs, running_jobs=each.running_jobs)


class UsageJson(BaseModel):
    """GPU time in a period, the greatest first."""

    by: UsedBy = Field(description="Whose time each row is: a user's, a team's or a cluster's.")
    first_day: date = Field(alias="from", description="Its first day (UTC).")
    last_day: date = Field(alias="to", description="Its last day (UTC), which is part of it.")
    gpu_hours: float = Field(description="Of all together.")
    data: list[UsageRow]
    has_more: bool = Field(description="Whether there are more than were asked for: the table has them.")


class TokenRow(BaseModel):
    """Tokens that a person had of a served model."""

    user: str = Field(description="The person.")
    model: str = Field(description="The model's name.")
    requests: int = Field(description="Answers, those among them that their reader left.")
    prompt_tokens: int = Field(description="Tokens that were sent.")
    completion_tokens: int = Field(description="Tokens that were generated, as far as they were read.")

    @classmethod
    def of(cls, each: TokenUse) -> Self:
        """From the sums."""
        return cls(**asdict(each))


class TokensJson(BaseModel):
    """Tokens of served models in a period, the most first."""

    first_day: date = Field(alias="from", description="Its first day (UTC).")
    last_day: date = Field(alias="to", description="Its last day (UTC), which is part of it.")
    data: list[TokenRow]
    has_more: bool = Field(description="Whether there are more than were asked for.")


_Day = Annotated[date | None, Field(ge=_FIRST_DAY, le=_LAST_DAY)]
_First = Annotated[_Day, Query(alias="from", description="The first day (UTC); by default 30 days up to `to`.")]
_Last = Annotated[_Day, Query(alias="to", description="The last day (UTC), which is counted; by default today.")]


@dataclass(frozen=True)
class Asked:
    """Grouping and period that were asked for, and the rows of it."""

    by: UsedBy
    period: Period
    rows: list[Usage]


def asked_usage(
    session: SessionDep,
    user: CurrentUser,
    now: NowDep,
    by: Annotated[UsedBy, Query(description="Whose time: of each user, team or cluster.")] = UsedBy.USER,
    first: _First = None,
    last: _Last = None,
) -> Asked:
    """The use in the period of a request. Raises InvalidInput."""
    period = _period(first, last, now)
    return Asked(by, period, usage(session, by, period, now, user))


AskedDep = Annotated[Asked, Depends(asked_usage)]


@router.get("/usage")
def show_usage(asked: AskedDep, limit: Limit = MAX_LIMIT) -> UsageJson:
    """GPU time by user, team or cluster: of ended runs by the days of the period, and of what runs up to now."""
    values = {
        "by": asked.by,
        "from": asked.period.first,
        "to": asked.period.last,
        "gpu_hours": round(sum(each.gpu_seconds for each in asked.rows) / 3600, 3),
        "data": [UsageRow.of(each) for each in asked.rows[:limit]],
        "has_more": len(asked.rows) > limit,
    }
    return UsageJson.model_validate(values)


@router.get(
    "/usage.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def download_usage(asked: AskedDep) -> Response:
    """The same as a table: name, GPU seconds, GPU hours, runs that ended, jobs that run."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_HEAD)
    for row in map(UsageRow.of, asked.rows[:MOST_ROWS]):
        table.writerow([row.name, row.gpu_seconds, row.gpu_hours, row.jobs, row.running_jobs])
    headers = {"Content-Disposition": f'attachment; filename="usage-by-{asked.by}.csv"'}
    return Response(text.getvalue(), media_type=_CSV, headers=headers)


@router.get("/usage/tokens")
def show_tokens(
    session: SessionDep,
    user: CurrentUser,
    now: NowDep,
    first: _First = None,
    last: _Last = None,
    limit: Limit = MAX_LIMIT,
) -> TokensJson:
    """Tokens that people had of served models: your own, and of others what you may see."""
    period = _period(first, last, now)
    rows = token_use(session, period.first, period.last, user, limit + 1)
    values = {"from": period.first, "to": period.last, "data": [TokenRow.of(each) for each in rows[:limit]]}
    return TokensJson.model_validate({**values, "has_more": len(rows) > limit})


def _period(first: date | None, last: date | None, now: datetime) -> Period:
    """The days that were meant. Raises InvalidInput where the last lies before the first, or years behind it."""
    last = last or max(now.date(), first or now.date())
    first = first or last - timedelta(days=USUAL_DAYS - 1)
    if first > last:
        raise InvalidInput([Finding(("query", "from"), f"{first} lies behind {last}", "give an earlier day")])
    if (last - first).days >= MOST_DAYS:
        raise InvalidInput([Finding(("query", "from"), f"more than {MOST_DAYS} days", "ask for fewer at once")])
    return Period(first, last)
