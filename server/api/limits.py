"""Limits of users, teams, their members and everybody: listed with their use; set and removed."""

from dataclasses import asdict, replace
from typing import Annotated, Any, Self

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from server.api.pages import MAX_LIMIT, After, Fields, Line, Page, with_fields
from server.api.pages import Limit as PageLimit
from server.dependencies import ActorDep, ClustersDep, CurrentUser, NowDep, SessionDep
from server.http.errors.problems import responses
from server.schemas.limit import LimitJson
from tuning.errors import Finding, InvalidInput
from tuning.jobs.actions.limits import LimitUse, limits_in_use, set_limit, take_limit_away
from tuning.jobs.request.spec import JobClassWord
from tuning.people.audit import Change, record
from tuning.queue.limits.limit import Limit, LimitKind, SubjectKind, member_subject
from tuning.usage.limits import LimitPlace

router = APIRouter(prefix="/limits", tags=["limits"])

_Word = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
_ClusterWord = Annotated[str, StringConstraints(min_length=1, max_length=32, pattern=r"^[^\x00-\x1f\x7f]*$")]


class LimitRequest(BaseModel):
    """A limit to set: there is one of each subject, kind and narrowing, and its amount is changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject_kind: SubjectKind = Field(
        description="Those who share it: a user, a team, a member (a user's jobs of one team), or everybody together."
    )
    subject: _Word | None = Field(
        default=None, description="The user's or team's name; `*` = each that has no such limit of their own."
    )
    team: _Word | None = Field(default=None, description="Of a member: the team; `*` as the subject = each member.")
    kind: LimitKind = Field(description="The thing that is counted.")
    amount: float = Field(description="So much at most: jobs, GPUs, hours, seconds or bytes, by the kind.")
    cluster: _ClusterWord | None = Field(default=None, description="On this cluster only.")
    partition: _Word | None = Field(default=None, description="Of jobs that ask for this partition only.")
    job_class: JobClassWord | None = Field(default=None, alias="class", description="Of jobs of this class only.")

    @model_validator(mode="after")
    def _team_of_a_member(self) -> Self:
        if (self.team is not None) != (self.subject_kind is SubjectKind.MEMBER):
            raise ValueError("a limit of a member names the team, and no other limit does")
        return self

    @property
    def place(self) -> LimitPlace:
        """Subject, kind and scope of the limit: everything but its amount."""
        narrowed = (self.cluster or "", self.partition or "", self.job_class or "")
        subject = self.subject or ""
        whole = subject if self.team is None else member_subject(self.team, subject)
        return LimitPlace(self.subject_kind, whole, self.kind, *narrowed)


@router.get("", response_model=Page[LimitJson])
def list_limits(
    session: SessionDep,
    user: CurrentUser,
    now: NowDep,
    limit: PageLimit = MAX_LIMIT,
    after: After = None,
    fields: Fields = None,
) -> Page[LimitJson] | Response:
    """The limits that hold for oneself, by subject and kind, with their use; those of members for leads, too.

    For administrators all.
    """
    found = limits_in_use(session, user, now)
    rest = found[_place_behind(found, after) :]
    is_more = len(rest) > limit
    page = Page[LimitJson](
        data=[LimitJson.of(each, user) for each in rest[:limit]],
        has_more=is_more,
        next=rest[limit - 1].limit.id if is_more else None,
    )
    return with_fields(page, LimitJson, fields)


@router.put("", responses=responses(409))
def put_limit(
    request: LimitRequest,
    session: SessionDep,
    clusters: ClustersDep,
    user: CurrentUser,
    actor: ActorDep,
    now: NowDep,
) -> LimitJson:
    """Set a limit, or change its amount. For administrators; of members of a team for its leads, too.

    That of a member comes to all others that bind them, and may not be wider than these.
    One below what is used ends nothing: `in_use` tells how much that is, and what is new waits until enough has ended.
    """
    made = set_limit(session, request.place, request.amount, clusters, user, now)
    before = None if made.amount_before is None else _audited(replace(made.set.limit, amount=made.amount_before))
    action = "limit.changed" if before is not None else "limit.set"
    change = Change(action, "limit", made.set.limit.id, before=before, after=_audited(made.set.limit))
    record(session, actor, change, now)
    return LimitJson.of(made.set, user)


@router.delete("/{limit_id}", status_code=204, responses=responses(404))
def delete_limit(limit_id: Line, session: SessionDep, user: CurrentUser, actor: ActorDep, now: NowDep) -> Response:
    """Take a limit away: what it held back can start. For administrators; of members of a team for its leads, too."""
    removed = take_limit_away(session, limit_id, user)
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
