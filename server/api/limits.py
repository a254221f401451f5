"""Limits of users, teams and everybody: listed with their use; set and removed by administrators."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from server.api.pages import MAX_LIMIT, After, Fields, Line, Page, with_fields
from server.api.pages import Limit as PageLimit
from server.dependencies import ActorDep, ClustersDep, CurrentUser, NowDep, SessionDep
from server.http.problems import responses
from tuning.errors import Finding, InvalidInput
from tuning.jobs.actions.limits import LimitUse, limits_in_use, set_limit
from tuning.jobs.queries.use import limit_of
from tuning.jobs.request.spec import JobClassWord
from tuning.people.audit import Change, record
from tuning.queue.limit_words import limit_words
from tuning.queue.limits import MOST_HOLDERS, Limit, LimitKind, SubjectKind
from tuning.usage.limits import LimitPlace, remove_limit

router = APIRouter(prefix="/limits", tags=["limits"])

_Word = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
_ClusterWord = Annotated[str, StringConstraints(min_length=1, max_length=32, pattern=r"^[^\x00-\x1f\x7f]*$")]


class LimitRequest(BaseModel):
    """A limit to set: there is one of each subject, kind and narrowing, and its amount is changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject_kind: SubjectKind = Field(description="Those who share it: a user, a team, or everybody together.")
    subject: _Word | None = Field(
        default=None, description="The user's or team's name; `*` = each that has no such limit of their own."
    )
    kind: LimitKind = Field(description="The thing that is counted.")
    amount: float = Field(description="So much at most: jobs, GPUs, hours, seconds or bytes, by the kind.")
    cluster: _ClusterWord | None = Field(default=None, description="On this cluster only.")
    partition: _Word | None = Field(default=None, description="Of jobs that ask for this partition only.")
    job_class: JobClassWord | None = Field(default=None, alias="class", description="Of jobs of this class only.")

    @property
    def place(self) -> LimitPlace:
        """Everything but the amount."""
        narrowed = (self.cluster or "", self.partition or "", self.job_class or "")
        return LimitPlace(self.subject_kind, self.subject or "", self.kind, *narrowed)


class LimitHolder(BaseModel):
    """A job that uses a part of a limit."""

    job_id: str
    expected_end_at: datetime | None = Field(description="Null where nobody can tell.")


class LimitJson(BaseModel):
    """A limit, and its use at this moment."""

    id: str = Field(description="Its id, to remove it by.")
    subject_kind: SubjectKind = Field(description="Those who share it.")
    subject: str | None = Field(description="The user's or team's name; `*` = each; null = everybody together.")
    kind: LimitKind = Field(description="The thing that is counted.")
    amount: float = Field(description="So much at most.")
    cluster: str | None = Field(description="On this cluster only; null = on all together.")
    partition: str | None = Field(description="Of jobs that ask for this partition only; null = whichever.")
    job_class: str | None = Field(alias="class", description="Of jobs of this class only; null = whichever.")
    in_use: float = Field(
        description="Of a limit for each: by whoever uses most, for others than administrators their own."
    )
    most_used_by: str | None = Field(description="Of a limit for each: who that is.")
    held_by: list[LimitHolder] = Field(description="The jobs that use it, the first to end first; a few of very many.")
    words: str = Field(description="The limit in a sentence.")

    @classmethod
    def of(cls, found: LimitUse) -> Self:
        """From the limit and its use."""
        limit, subject = found.limit, found.bound.subject
        values: dict[str, Any] = {
            "id": limit.id,
            "subject_kind": limit.subject_kind,
            "subject": limit.subject or None,
            "kind": limit.kind,
            "amount": limit.amount,
            "cluster": limit.cluster or None,
            "partition": limit.partition or None,
            "class": limit.job_class or None,
            "in_use": found.use.amount,
            "most_used_by": subject if found.use.amount and subject != limit.subject else None,
            "held_by": [
                LimitHolder(job_id=holder.job_id, expected_end_at=holder.expected_end_at)
                for holder in found.use.held_by[:MOST_HOLDERS]
            ],
            "words": limit_words(found.bound),
        }
        return cls.model_validate(values)


@router.get("", response_model=Page[LimitJson])
def list_limits(
    session: SessionDep,
    user: CurrentUser,
    now: NowDep,
    limit: PageLimit = MAX_LIMIT,
    after: After = None,
    fields: Fields = None,
) -> Page[LimitJson] | Response:
    """The limits that hold for oneself, by subject and kind, with their use; for administrators all."""
    found = limits_in_use(session, user, now)
    rest = found[_place_behind(found, after) :]
    is_more = len(rest) > limit
    page = Page[LimitJson](
        data=[LimitJson.of(each) for each in rest[:limit]],
        has_more=is_more,
        next=rest[limit - 1].limit.id if is_more else None,
    )
    return with_fields(page, LimitJson, fields)


@router.put("", responses=responses(409))
def put_limit(
    request: LimitRequest, session: SessionDep, clusters: ClustersDep, actor: ActorDep, now: NowDep
) -> LimitJson:
    """Set a limit, or change its amount. For administrators.

    One below what is used ends nothing: `in_use` tells how much that is, and what is new waits until enough has ended.
    """
    made = set_limit(session, request.place, request.amount, clusters, now)
    before = None if made.amount_before is None else _audited(replace(made.set.limit, amount=made.amount_before))
    action = "limit.changed" if before is not None else "limit.set"
    change = Change(action, "limit", made.set.limit.id, before=before, after=_audited(made.set.limit))
    record(session, actor, change, now)
    return LimitJson.of(made.set)


@router.delete("/{limit_id}", status_code=204, responses=responses(404))
def delete_limit(limit_id: Line, session: SessionDep, actor: ActorDep, now: NowDep) -> Response:
    """Take a limit away: what it held back can start. For administrators."""
    removed = limit_of(remove_limit(session, limit_id))
    record(session, actor, Change("limit.removed", "limit", removed.id, before=_audited(removed)), now)
    return Response(status_code=204)


def _audited(limit: Limit) -> dict[str, Any]:
    """Values of a limit for the record of changes: all but its id."""
    return {name: value for name, value in asdict(limit).items() if name != "id" and value != ""}


def _place_behind(found: list[LimitUse], after: str | None) -> int:
    """Raises InvalidInput for a cursor that names no limit."""
    if after is None:
        return 0
    places = [place for place, each in enumerate(found, 1) if each.limit.id == after]
    if not places:
        raise InvalidInput([Finding(("query", "after"), "unknown cursor", "give the `next` of the page before")])
    return places[0]
