"""A recipe as the text that one begins with: what has to be given, and what people usually change. Pure."""

from collections.abc import Iterator

from tuning.llamafactory.config.yaml_text import to_yaml
from tuning.recipes.catalogue import Parameter, Recipe


def recipe_text(recipe: Recipe) -> str:
    """YAML to lay over the recipe: required arguments with nothing behind them yet, the others as comments."""
    lines = [f"# {recipe.title}. What stands here is laid over the recipe; the rest is its own."]
    for parameter in recipe.parameters:
        lines += ["", *_lines(parameter)]
    return "\n".join(lines) + "\n"


def _lines(parameter: Parameter) -> Iterator[str]:
    yield f"# {parameter.description}"
    if parameter.required:
        yield f"{parameter.name}:"
    elif parameter.default is None:
        yield f"# {parameter.name}:"
    else:
        yield f"# {to_yaml({parameter.name: parameter.default}).strip()}"
