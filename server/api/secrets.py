"""A user's secrets: set, listed by name, deleted. No route ever answers a value."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from server.api.pages import Fields, Page, with_fields
from server.dependencies import ActorDep, CipherDep, CurrentUser, NowDep, SessionDep
from server.http.errors.problems import responses
from server.schemas.secret import SecretInfo
from tuning.people.audit import Change, record
from tuning.secrets import service

router = APIRouter(prefix="/secrets", tags=["accounts"])

SecretName = Annotated[str, Path(max_length=100, description="As the run's environment will name it: WANDB_API_KEY.")]


class SecretValue(BaseModel):
    """A value to keep."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: SecretStr = Field(
        description="Text of at most 65,536 bytes without a NUL character. It is never shown again."
    )


@router.put("/{name}", status_code=204, responses=responses(409))
def keep_secret(
    name: SecretName,
    request: SecretValue,
    session: SessionDep,
    user: CurrentUser,
    actor: ActorDep,
    cipher: CipherDep,
    now: NowDep,
) -> Response:
    """Keep a value under a name, in place of an older one; jobs of yours name it in `secrets`."""
    service.keep_secret(session, user.user_id, name, request.value.get_secret_value(), cipher, now)
    record(session, actor, Change("secret.set", "secret", name), now)
    return Response(status_code=204)


@router.get("", response_model=Page[SecretInfo])
def list_secrets(session: SessionDep, user: CurrentUser, fields: Fields = None) -> Page[SecretInfo] | Response:
    """One's own secrets, by name."""
    rows = service.secrets_of(session, user.user_id)
    shown = [SecretInfo.of(row) for row in rows]
    return with_fields(Page[SecretInfo](data=shown, has_more=False, next=None), SecretInfo, fields)


@router.delete("/{name}", status_code=204, responses=responses(404))
def delete_secret(name: SecretName, session: SessionDep, user: CurrentUser, actor: ActorDep, now: NowDep) -> Response:
    """Forget a secret. Attempts that have begun keep their copy to their end."""
    service.delete_secret(session, user.user_id, name)
    record(session, actor, Change("secret.deleted", "secret", name), now)
    return Response(status_code=204)
