"""Users: listed, made, changed, switched off, deleted."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.orm import Session

from server.answers.people import shown_users
from server.api.pages import DEFAULT_LIMIT, Fields, Limit, Page, with_fields
from server.dependencies import ActorDep, CurrentUser, NowDep, SessionDep
from server.http.errors.problems import responses
from server.schemas.people import ROLES, UserJson
from tuning.errors import Conflict, Finding, InvalidInput
from tuning.jobs.actions.departures import cancel_running, hand_over, hold_waiting
from tuning.notices.webhooks import hand_team_webhooks
from tuning.people import users as service
from tuning.people.directory import users_page
from tuning.people.models import User
from tuning.people.queries import user_by_name
from tuning.people.roles import Role
from tuning.people.teams import MOST_TEAMS_OF_A_USER, TEAM_NAME
from tuning.people.tokens import USER_NAME
from tuning.people.users import NewUser

router = APIRouter(prefix="/users", tags=["accounts"])

UserName = Annotated[str, StringConstraints(pattern=USER_NAME)]
TeamName = Annotated[str, StringConstraints(pattern=TEAM_NAME)]
DisplayName = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Email = Annotated[
    str, StringConstraints(max_length=320, pattern=r"^$|^[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,255}$")
]
UserAfter = Annotated[
    str | None, Query(max_length=100, pattern=USER_NAME, description="The `next` of the page before, a user's name.")
]


class UserRequest(BaseModel):
    """A user to make."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: UserName = Field(description="Never changed; jobs name it as their owner.")
    display_name: DisplayName | None = Field(default=None, description="What people call them.")
    email: Email | None = Field(default=None, description="Shown to the user and to administrators only.")
    role: Role = Field(default=Role.MEMBER, description=ROLES)
    teams: list[TeamName] = Field(
        default=["lab"], max_length=MOST_TEAMS_OF_A_USER, description="At least one; the first is the usual one."
    )
    default_team: TeamName | None = Field(default=None, description="Another of the teams to be the usual one.")


class UserChange(BaseModel):
    """A change of a user; what is left out stays. Users may change their own display_name, email and default_team."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Role | None = Field(default=None, description=ROLES)
    display_name: DisplayName | None = Field(default=None, description="An empty text takes it away.")
    email: Email | None = Field(default=None, description="An empty text takes it away.")
    default_team: TeamName | None = Field(default=None, description="One of the user's teams.")
    disabled: bool | None = Field(
        default=None,
        description="true ends the user's tokens, streams and waits within a second, and holds their jobs that wait; "
        "false lets the tokens hold again, and the jobs stay held.",
    )
    running: Literal["let", "cancel"] = Field(
        default="let", description="With `disabled`: whether running jobs go on to their end, or are cancelled."
    )


async def well_formed_name(name: str) -> str:
    """A name from the path; what PostgreSQL cannot even look for is not asked of the database."""
    return name if name.isprintable() and len(name) <= 100 else "\ufffd"


NameInPath = Annotated[str, Depends(well_formed_name)]


@router.get("", response_model=Page[UserJson])
def list_users(
    session: SessionDep, user: CurrentUser, limit: Limit = DEFAULT_LIMIT, after: UserAfter = None, fields: Fields = None
) -> Page[UserJson] | Response:
    """All users, by name."""
    found = users_page(session, limit + 1, after)
    has_more = len(found) > limit
    page = Page[UserJson](
        data=shown_users(session, found[:limit], user),
        has_more=has_more,
        next=found[limit - 1].name if has_more else None,
    )
    return with_fields(page, UserJson, fields)


@router.post("", status_code=201, responses=responses(409))
def create_user(
    request: UserRequest, session: SessionDep, user: CurrentUser, actor: ActorDep, now: NowDep, response: Response
) -> UserJson:
    """Make a user. `POST /tokens` with `user` then makes a token for them. For administrators."""
    made = service.add_user(session, actor, NewUser(**request.model_dump()), now)
    response.headers["Location"] = f"/api/v1/users/{made.name}"
    return shown_users(session, [made], user)[0]


@router.get("/{name}", responses=responses(404))
def show_user(name: NameInPath, session: SessionDep, user: CurrentUser) -> UserJson:
    """One user."""
    return shown_users(session, [service.found_user(session, name)], user)[0]


@router.patch("/{name}", responses=responses(404, 409))
def change_user(
    name: NameInPath, change: UserChange, session: SessionDep, user: CurrentUser, actor: ActorDep, now: NowDep
) -> UserJson:
    """Change a user, or switch them off or on. For administrators, and a little of it for the user."""
    other = service.found_user(session, name)
    wanted = service.UserChange(**change.model_dump(exclude={"running"}))
    if change.running == "cancel" and not change.disabled:
        hint = "send disabled: true with it"
        raise InvalidInput([Finding(("running",), "running jobs are cancelled only of who is switched off", hint)])
    service.require_change(user, other, wanted)
    was_on = other.disabled_at is None
    service.change_user(session, actor, other, wanted, now)
    if change.disabled and was_on:
        hold_waiting(session, other, user.name, now)
    if change.disabled and change.running == "cancel":
        cancel_running(session, other, user.name, now)
    return shown_users(session, [other], user)[0]


@router.delete("/{name}", status_code=204, responses=responses(404, 409))
def delete_user(
    name: NameInPath,
    session: SessionDep,
    user: CurrentUser,
    actor: ActorDep,
    now: NowDep,
    hand_jobs_to: Annotated[
        str | None, Query(max_length=100, pattern=USER_NAME, description="The user who gets the jobs and data sets.")
    ] = None,
) -> Response:
    """Delete a user with their tokens and secrets. Refused while Slurm has jobs of theirs. For administrators."""
    other = service.found_user(session, name)
    if other.id == user.user_id:
        raise Conflict("nobody deletes themselves", hint="ask another administrator")
    receiver = _receiver(session, hand_jobs_to)
    hand_over(session, other, receiver, user.name, now)
    hand_team_webhooks(session, other.id, receiver.id if receiver is not None else user.user_id)
    service.forget_user(session, actor, other, now, hand_jobs_to)
    return Response(status_code=204)


def _receiver(session: Session, name: str | None) -> User | None:
    if name is None:
        return None
    found = user_by_name(session, name)
    if found is None:
        raise InvalidInput([Finding(("query", "hand_jobs_to"), f"there is no user {name}")])
    return found
