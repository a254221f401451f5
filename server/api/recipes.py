"""Recipes: named starting points, with what people set in them."""

from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from server.api.pages import Fields, Page, with_fields
from server.http.errors.problems import responses
from tuning.errors import InvalidInput, NotFound
from tuning.llamafactory.kinds import Kind
from tuning.recipes.catalogue import Parameter, Recipe, find_recipe, recipes

router = APIRouter(prefix="/recipes", tags=["recipes"])


class RecipeInfo(BaseModel):
    """A recipe: a job that names it may lay its own config over this one."""

    name: str
    object: Literal["recipe"] = "recipe"
    title: str
    description: str
    kind: Kind
    data: str
    config: dict[str, Any]
    resources: dict[str, Any]
    parameters: tuple[Parameter, ...]


@router.get("", response_model=Page[RecipeInfo])
def list_recipes(fields: Fields = None) -> Page[RecipeInfo] | Response:
    """All recipes."""
    rows = [_shown(recipe) for recipe in recipes().values()]
    return with_fields(Page[RecipeInfo](data=rows, has_more=False, next=None), RecipeInfo, fields)


@router.get("/{name}", responses=responses(404))
def show_recipe(name: str) -> RecipeInfo:
    """One recipe."""
    try:
        return _shown(find_recipe(name))
    except InvalidInput as error:
        raise NotFound(str(error), hint=error.findings[0].hint) from error


def _shown(recipe: Recipe) -> RecipeInfo:
    return RecipeInfo.model_validate(recipe.model_dump())
