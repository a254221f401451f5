"""Record of changes, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from server.api.pages import DEFAULT_LIMIT, Fields, Limit, Line, Moment, Page, with_fields
from server.dependencies import CurrentUser, SessionDep
from server.schemas.audit import AuditJson
from tuning.people.audit import AuditFilter, entries

router = APIRouter(prefix="/audit", tags=["accounts"])

_LARGEST_ID = 2**63 - 1


class AuditQuery(BaseModel):
    """Filters of the record. An unknown name is an error: a misspelt filter would show everything."""

    model_config = ConfigDict(extra="forbid")

    actor: Line | None = Field(default=None, description="The name of a user, `operator` or `packtrain`.")
    subject: Line | None = Field(default=None, description="The name or id of what was changed.")
    action: Line | None = Field(default=None, description="An action, or its beginning: `token.`.")
    since: Moment | None = Field(default=None, alias="from", description="From this moment on.")
    until: Moment | None = Field(default=None, alias="to", description="Before this moment.")
    limit: Limit = DEFAULT_LIMIT
    after: int | None = Field(default=None, ge=1, le=_LARGEST_ID, description="The `next` of the page before.")
    fields: Fields = None


@router.get("", response_model=Page[AuditJson])
def list_audit(
    query: Annotated[AuditQuery, Query()], session: SessionDep, _user: CurrentUser
) -> Page[AuditJson] | Response:
    """The record of changes, newest first. For administrators."""
    wanted = AuditFilter(query.actor, query.subject, query.action, query.since, query.until)
    found = entries(session, wanted, query.limit + 1, query.after)
    page, has_more = found[: query.limit], len(found) > query.limit
    shown = [AuditJson.of(entry) for entry in page]
    whole = Page[AuditJson](data=shown, has_more=has_more, next=str(page[-1].id) if has_more else None)
    return with_fields(whole, AuditJson, query.fields)
