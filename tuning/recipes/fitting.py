"""A template that fits the model: a recipe gives it where nobody names one; another family's is doubted."""

from collections.abc import Iterator, Mapping
from typing import Any

from tuning.errors import Finding
from tuning.llamafactory.kinds import SourceModel
from tuning.recipes.families import Family, family_of


def fitting_template(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Template that a recipe adds to a configuration without any: of its model's family, where its name tells it."""
    family = _family(config)
    return {"template": family.template} if family and not config.get("template") else {}


def doubt_template(
    config: Mapping[str, Any], source: SourceModel | None = None, model_type: str | None = None
) -> Iterator[Finding]:
    """A warning where the template is not one of the model's family: it would be trained on turns it does not know.

    Of a source job both its model and the template that it was trained with are known; `model_type` is that of the
    config.json of the configuration's own model, where it is known.
    """
    template = config.get("template")
    if not isinstance(template, str) or not template:
        return
    family = _family(config, model_type) or _family({"model_name_or_path": source.model} if source else {})
    if family and not family.takes(template):
        also = f" (or {', '.join(family.also)})" if family.also else ""
        teller = "config.json" if model_type is not None else "name"
        message = f"the template {template[:100]} is not that of {family.title}, which the model's {teller} says it is"
        yield Finding(("config", "template"), message, f"{family.template}{also} fits it", "warning")
    elif source is not None and source.template not in (None, "", template) and not _fits(family, source.template):
        message = (
            f"the template {template[:100]} is not that of the source job, which was trained with {source.template}"
        )
        hint = f"leave it out: {source.template} is taken over"
        yield Finding(("config", "template"), message, hint, "warning")


def _fits(family: Family | None, template: str | None) -> bool:
    """Whether a template is surely one of the family's, so that another of them does as well."""
    return family is not None and template is not None and family.takes(template)


def _family(config: Mapping[str, Any], model_type: str | None = None) -> Family | None:
    model = config.get("model_name_or_path")
    return family_of(model, model_type) if isinstance(model, str) and model else None
