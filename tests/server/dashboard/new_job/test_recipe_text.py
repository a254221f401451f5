"""Texts that recipes begin with."""

import pytest
import yaml

from server.dashboard.new_job.recipe_text import recipe_text
from tuning.recipes.catalogue import Recipe, recipes


@pytest.mark.parametrize("recipe", recipes().values(), ids=lambda recipe: recipe.name)
def test_a_text_holds_what_has_to_be_given_and_nothing_else(recipe: Recipe) -> None:
    required = [parameter.name for parameter in recipe.parameters if parameter.required]
    assert (yaml.safe_load(recipe_text(recipe)) or {}) == dict.fromkeys(required)


@pytest.mark.parametrize("recipe", recipes().values(), ids=lambda recipe: recipe.name)
def test_what_stands_in_comments_is_what_the_recipe_has(recipe: Recipe) -> None:
    optional = [parameter for parameter in recipe.parameters if not parameter.required]
    lines = [line.removeprefix("# ") for line in recipe_text(recipe).splitlines()]
    for parameter in optional:
        [line] = [line for line in lines if line.startswith(f"{parameter.name}:")]
        assert yaml.safe_load(line) == {parameter.name: parameter.default}
