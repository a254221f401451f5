"""The recipes, read from the YAML files beside this one.

A recipe is a configuration that a job's own is laid over: argument by argument, and resource by resource.
"""

import functools
from collections.abc import Mapping
from importlib import resources
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from tuning.errors import Finding, InvalidInput
from tuning.llamafactory.arguments.accepted import nearest
from tuning.llamafactory.kinds import Kind


class Parameter(BaseModel):
    """An argument that people set when they use a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str
    default: Any = None
    """As the recipe has it; null where LLaMA-Factory's own holds, or where it must be given."""
    required: bool = False


class Recipe(BaseModel):
    """A named starting point."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    description: str
    kind: Kind = "train"
    data: str = Field(description="What form of data it learns from.")
    config: dict[str, Any]
    resources: dict[str, Any] = Field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()


@functools.cache
def recipes() -> Mapping[str, Recipe]:
    """All recipes by name."""
    folder = resources.files("tuning.recipes") / "recipes"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    found = [_read(file.name.removesuffix(".yaml"), file.read_text(encoding="utf-8")) for file in files]
    return {recipe.name: recipe for recipe in found}


def find_recipe(name: str) -> Recipe:
    """A recipe. Raises InvalidInput, with the nearest name."""
    known = recipes()
    if name not in known:
        near = nearest(name, known)
        hint = f"did you mean {near}?" if near else f"the recipes are: {', '.join(known)}"
        raise InvalidInput([Finding(("recipe",), f"there is no recipe {name}", hint)])
    return known[name]


def _read(name: str, text: str) -> Recipe:
    """The defaults of the parameters are those of the configuration: they stand in one place."""
    raw = yaml.safe_load(text)
    own = raw["config"]
    parameters = [{**parameter, "default": own.get(parameter["name"])} for parameter in raw.pop("parameters", [])]
    return Recipe.model_validate({"name": name, **raw, "parameters": parameters})
