"""Routes of checkpoint permissions: projects, which are teams, that may use another team's result."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from server.answers.named_models import NamedModels, NamedModelsDep, NameInPath
from server.openai.fine_tuning.job import seconds_of
from server.openai.fine_tuning.listing import After, Limit
from server.openai.pages import ItemList, item_list
from tuning.errors import NotFound
from tuning.jobs.results.keeping import grant_result, withdraw_grant
from tuning.models.grants import ModelGrant, grants_of
from tuning.models.names import ResultName
from tuning.people.queries import team_names

router = APIRouter(prefix="/fine_tuning/checkpoints/{name:path}/permissions")

MOST_PROJECTS = 100
Order = Annotated[Literal["ascending", "descending"], Query()]
TeamId = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")]


class PermissionRequest(BaseModel):
    """The body of a route that grants permissions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    project_ids: tuple[TeamId, ...] = Field(min_length=1, max_length=MOST_PROJECTS)


class CheckpointPermission(BaseModel):
    """A team that may use a result."""

    id: str
    object: Literal["checkpoint.permission"] = "checkpoint.permission"
    created_at: int
    project_id: str


class DeletedPermission(BaseModel):
    """A permission that was taken back."""

    id: str
    object: Literal["checkpoint.permission"] = "checkpoint.permission"
    deleted: bool = True


@router.post("")
def create_permissions(
    name: NameInPath, body: PermissionRequest, models: NamedModelsDep
) -> ItemList[CheckpointPermission]:
    """Let teams use a result, or a checkpoint."""
    result, teams = models.result(name), team_names(models.session, body.project_ids)
    granted = [
        grant_result(models.session, models.keeper, result, _known(teams.get(team_id), team_id))
        for team_id in dict.fromkeys(body.project_ids)
    ]
    return item_list([_shown(grant) for grant in granted], has_more=False)


@router.get("")
def list_permissions(
    name: NameInPath,
    models: NamedModelsDep,
    after: After = None,
    limit: Limit = 10,
    order: Order = "descending",
    project_id: Annotated[str | None, Query(max_length=32)] = None,
) -> ItemList[CheckpointPermission]:
    """The teams that may use a result."""
    found = [grant for grant in _grants(models, models.result(name)) if project_id in (None, grant.team_id)]
    ordered = found if order == "ascending" else found[::-1]
    ids = [grant.id for grant in ordered]
    if after is not None and after not in ids:
        raise NotFound(f"there is no permission {after[:80]!a}")
    rest = ordered[ids.index(after) + 1 :] if after is not None else ordered
    return item_list([_shown(grant) for grant in rest[:limit]], has_more=len(rest) > limit)


@router.delete("/{permission_id}")
def delete_permission(name: NameInPath, permission_id: str, models: NamedModelsDep) -> DeletedPermission:
    """Take a result back from a team."""
    result = models.result(name)
    grant = next((each for each in _grants(models, result) if each.id == permission_id), None)
    if grant is None:
        raise NotFound(f"there is no permission {permission_id[:80]!a}")
    team = team_names(models.session, [grant.team_id])[grant.team_id]
    withdraw_grant(models.session, models.keeper, result, team)
    return DeletedPermission(id=permission_id)


def _grants(models: NamedModels, result: ResultName) -> list[ModelGrant]:
    return list(grants_of(models.session, result))


def _known(team: str | None, team_id: str) -> str:
    if team is None:
        raise NotFound(f"there is no project {team_id}", hint="a project is a team, by its id")
    return team


def _shown(grant: ModelGrant) -> CheckpointPermission:
    return CheckpointPermission(id=grant.id, created_at=seconds_of(grant.created_at), project_id=grant.team_id)
