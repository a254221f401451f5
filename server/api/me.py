"""Route of the user and scopes of the token."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from server.dependencies import CurrentUser
from tuning.people.scopes import Scope

router = APIRouter(tags=["accounts"])


class Me(BaseModel):
    """The user whose token was sent."""

    id: str
    name: str
    is_administrator: bool = Field(description="The user is one, and the token has the scope admin.")
    token_id: str
    scopes: list[Scope] = Field(description="All that the token may do.")


@router.get("/me")
def show_me(user: CurrentUser) -> Me:
    """The user whose token this is."""
    return Me(
        id=user.user_id,
        name=user.name,
        is_administrator=user.is_administrator,
        token_id=user.token_id,
        scopes=list(user.scope.all()),
    )
