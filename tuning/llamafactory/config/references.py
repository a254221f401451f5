"""Names in a configuration: arguments, its model, its source job's, its template, its data sets."""

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from tuning.errors import Finding
from tuning.llamafactory.arguments.accepted import ArgumentSchema, nearest, versions_with
from tuning.llamafactory.arguments.foreign_names import meant_by
from tuning.llamafactory.arguments.paths import AllowedPlaces
from tuning.llamafactory.config.old_names import REPLACED, template_of
from tuning.llamafactory.config.yaml_text import printable
from tuning.llamafactory.kinds import KindOfJob, SourceModel, kinds_with


def names(value: str | None) -> list[str]:
    """The names in a list with commas."""
    return [name.strip() for name in value.split(",") if name.strip()] if value else []


def unknown_argument(name: str, schema: ArgumentSchema, row: KindOfJob, *, explain: bool) -> Finding:
    """Finding for a name that this kind does not take; to find the nearest name (`explain`) costs time."""
    if known := schema.arguments.get(name):
        kinds = " and ".join(kinds_with(known.classes))
        hint = f"remove it: LLaMA-Factory takes no training arguments for {row.word}"
        return Finding(("config", name), f"{name} is an argument of kind {kinds} only, not of {row.name}", hint)
    near = nearest(name, schema.taken_by(row.classes)) if explain else None
    hint = f"did you mean {near}?" if near else "see LLaMA-Factory's examples for the names"
    if elsewhere := versions_with(name):
        hint = f"LLaMA-Factory {', '.join(elsewhere)} has it; the cluster's image holds {schema.version}"
    hint = REPLACED.get(name) or meant_by(name) or hint
    message = f"LLaMA-Factory {schema.version} has no argument {name[:200]!r}"
    return Finding(("config", printable(name)), message, hint)


def missing_model(given: Mapping[str, Any], places: AllowedPlaces) -> Iterator[Finding]:
    """A finding where no model is named; `given` holds the source job's too."""
    if not given.get("model_name_or_path"):
        catalogue = ", ".join(sorted(places.models)) or "no names yet"
        hint = f"give one of the cluster's catalogue ({catalogue}) or an absolute path"
        yield Finding(("config", "model_name_or_path"), "model_name_or_path is missing", hint)


def missing_data(given: Mapping[str, Any], row: KindOfJob, *, has_uploads: bool) -> Iterator[Finding]:
    """A finding where there is nothing to work on, or something where nothing is worked on."""
    if row.data is None and has_uploads:
        yield Finding(("datasets",), f"kind {row.name} works on no data set", "remove `datasets`")
    if row.data is not None and not has_uploads and not names(given.get(row.data)):
        hint = f"upload one and name it in `datasets`, or give config.{row.data} a name that the cluster knows"
        yield Finding(("config", row.data), f"there is no data set to {row.name} on", hint)


def doubled_source(config: Mapping[str, Any], source: SourceModel) -> Iterator[Finding]:
    """A model or an adapter that is named beside the source job's."""
    if config.get("adapter_name_or_path"):
        message = "the adapter comes from the source job, so adapter_name_or_path cannot be given as well"
        hint = "remove adapter_name_or_path, or remove source_job and name the model and the adapter"
        yield Finding(("config", "adapter_name_or_path"), message, hint)
    if source.model and config.get("model_name_or_path") not in (None, "", source.model):
        message = f"model_name_or_path is taken over by packtrain: the source job's model is {source.model}"
        yield Finding(("config", "model_name_or_path"), message, "it can be left out", "warning")


def unknown_template(config: Mapping[str, Any], templates: Sequence[str], version: str) -> Iterator[Finding]:
    """A template that this LLaMA-Factory does not have."""
    template = config.get("template")
    if template and template not in templates:
        near = _usual_template(template, templates) or nearest(template, tuple(templates))
        hint = f"did you mean {near}?" if near else f"one of: {', '.join(templates)}"
        yield Finding(("config", "template"), f"LLaMA-Factory {version} has no template {template[:200]!r}", hint)


def _usual_template(name: str, templates: Sequence[str]) -> str | None:
    meant = template_of(name)
    return meant if meant in templates else None


def unknown_datasets(config: Mapping[str, Any], known: Set[str] | None) -> Iterator[Finding]:
    """Names that the cluster's dataset_info.json does not have; with None, what it has is not known yet."""
    for argument in ("dataset", "eval_dataset") if known is not None else ():
        for name in names(config.get(argument)):
            if known is not None and name not in known:
                near = nearest(name, frozenset(known))
                meant = f"did you mean {near}? " if near else ""
                hint = f"{meant}uploaded data sets are named by their id in `datasets`, not here"
                message = f"Undefined dataset {name[:200]!r}: the cluster's dataset_info.json does not have it"
                yield Finding(("config", argument), message, hint)
