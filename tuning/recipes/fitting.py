"""A template that fits the model: a recipe gives it where nobody names one; another family's is doubted."""

from collections.abc import Iterator, Mapping
from typing import Any

from tuning.errors import Finding
from tuning.recipes.families import Family, family_of


def fitting_template(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Template that a recipe adds to a configuration without any: of its model's family, where its name tells it."""
    family = _family(config)
    return {"template": family.template} if family and not config.get("template") else {}


def doubt_template(config: Mapping[str, Any]) -> Iterator[Finding]:
    """A warning where the template is not one of the model's family: it would be trained on turns it does not know."""
    family, template = _family(config), config.get("template")
    if family and isinstance(template, str) and template and not family.takes(template):
        also = f" (or {', '.join(family.also)})" if family.also else ""
        message = f"the template {template[:100]} is not that of {family.title}, which the model's name says it is"
        yield Finding(("config", "template"), message, f"{family.template}{also} fits it", "warning")


def _family(config: Mapping[str, Any]) -> Family | None:
    model = config.get("model_name_or_path")
    return family_of(model) if isinstance(model, str) and model else None
