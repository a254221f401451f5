"""Every recipe is one that can be run: its arguments pass the check of its kind."""

import pytest

from tuning.errors import InvalidInput
from tuning.jobs.request.spec import Resources
from tuning.llamafactory.arguments.paths import AllowedPlaces
from tuning.llamafactory.config.check import ConfigContext, check_config
from tuning.llamafactory.kinds import SourceModel
from tuning.recipes.catalogue import Recipe, find_recipe, recipes

WISHED = {
    "lora-sft",
    "qlora-sft",
    "dora-sft",
    "full-sft",
    "full-sft-zero3",
    "dpo",
    "kto",
    "pretrain",
    "merge",
    "predict",
}
PLACES = AllowedPlaces(roots=("/models",), models={"tiny": "/models/tiny"})


def test_the_wished_ones_are_there() -> None:
    assert set(recipes()) >= WISHED


@pytest.mark.parametrize("recipe", recipes().values(), ids=lambda recipe: recipe.name)
def test_its_arguments_are_accepted(recipe: Recipe) -> None:
    own = {"model_name_or_path": "tiny", "template": "qwen"} if recipe.kind == "train" else {}
    source = None if recipe.kind == "train" else SourceModel("/models/tiny", "jobs/job_a/output", "qwen")
    context = ConfigContext(
        places=PLACES, kind=recipe.kind, source=source, has_uploaded_datasets=recipe.kind != "export"
    )
    checked = check_config({**recipe.config, **own}, context)
    assert checked.errors == ()
    changed = [note for note in checked.notes if not note.startswith(("model_name_or_path", "template"))]
    assert changed == [], "written with the right types"
    Resources.model_validate(recipe.resources)


@pytest.mark.parametrize("recipe", recipes().values(), ids=lambda recipe: recipe.name)
def test_its_parameters_are_arguments_with_the_recipes_own_defaults(recipe: Recipe) -> None:
    context = ConfigContext(kind=recipe.kind)
    for parameter in recipe.parameters:
        assert parameter.name in context.schema.arguments
        assert parameter.default == recipe.config.get(parameter.name)


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(InvalidInput) as caught:
        find_recipe("lora-stf")
    assert caught.value.findings[0].hint == "did you mean lora-sft?"
