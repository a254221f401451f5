"""Sessions of browsers: listed, ended. They begin at /sign-in (server.dashboard.sign_in)."""

from fastapi import APIRouter, Response

from server.api.pages import DEFAULT_LIMIT, After, Fields, Limit, Page, with_fields
from server.dependencies import ActorDep, CurrentUser, NowDep, SessionDep
from server.http.errors.problems import responses
from server.schemas.session import SessionInfo
from tuning.errors import Finding, InvalidInput, NotFound
from tuning.people.sessions import end_session as end
from tuning.people.sessions import visible_sessions

router = APIRouter(prefix="/sessions", tags=["accounts"])


@router.get("", response_model=Page[SessionInfo])
def list_sessions(
    session: SessionDep,
    user: CurrentUser,
    now: NowDep,
    limit: Limit = DEFAULT_LIMIT,
    after: After = None,
    fields: Fields = None,
) -> Page[SessionInfo] | Response:
    """Sessions that have not ended, newest first: one's own, for administrators everybody's."""
    if after is not None and not _is_id(after):
        raise InvalidInput([Finding(("query", "after"), "unknown cursor", "give the `next` of the page before")])
    found = visible_sessions(session, user, now, limit, after)
    shown = [SessionInfo.of(row, name, user.token_id) for row, name in found.sessions]
    page = Page[SessionInfo](data=shown, has_more=found.next_cursor is not None, next=found.next_cursor)
    return with_fields(page, SessionInfo, fields)


@router.delete("/{session_id}", status_code=204, responses=responses(404))
def end_session(session_id: str, session: SessionDep, user: CurrentUser, actor: ActorDep, now: NowDep) -> Response:
    """End a session: one's own, or as an administrator anybody's."""
    if not _is_id(session_id):
        raise NotFound("there is no such session")
    end(session, user, actor, session_id, now)
    return Response(status_code=204)


def _is_id(text: str) -> bool:
    return text.startswith("ses_") and text.isprintable()
