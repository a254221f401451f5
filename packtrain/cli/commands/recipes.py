"""recipes: list, show."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from packtrain.cli.commands.arguments import AsJson, connect
from packtrain.cli.screen import listing, say, say_json


def list_recipes(as_json: AsJson = False) -> None:
    """List the named starting points."""
    with connect() as api:
        page = api.recipes()
    if as_json:
        say_json(page)
        return
    rows = [(recipe["name"], recipe["kind"], recipe["title"], recipe["data"]) for recipe in page["data"]]
    listing("recipes", ("RECIPE", "KIND", "TITLE", "DATA"), rows)


def show(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe's name, such as lora-sft.")],
    as_json: AsJson = False,
) -> None:
    """Show what a recipe sets, and what is usually set in it.

    \b
    packtrain recipes show lora-sft
    packtrain submit --recipe lora-sft --model tiny-llama --data chats.json --set lora_rank=64
    """
    with connect() as api:
        found = api.recipe(recipe)
    if as_json:
        say_json(found)
        return
    say(f"{found['name']}  {found['title']}  (kind {found['kind']}, data: {found['data']})")
    say(f"  {found['description']}")
    say("")
    for name, value in found["config"].items():
        say(f"  {name}: {value}")
    for name, value in found["resources"].items():
        say(f"  resources.{name}: {value}")
    say("")
    for parameter in found["parameters"]:
        must = "  (must be given)" if parameter["required"] else ""
        say(f"  {parameter['name']:<22} {parameter['description']}{must}")


COMMANDS: dict[str, Callable[..., Any]] = {"list": list_recipes, "show": show}
