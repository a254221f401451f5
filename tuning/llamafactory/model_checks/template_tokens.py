"""Check of the chat template against the tokens that the model's tokenizer has."""

from collections.abc import Iterator, Mapping
from typing import Any

from tuning.errors import Finding
from tuning.llamafactory.model_files.described import ModelFiles
from tuning.llamafactory.model_files.markers import all_markers, turn_markers
from tuning.llamafactory.preview.templates import load_templates

_LOC = ("config", "template")


def doubt_template_tokens(files: ModelFiles, arguments: Mapping[str, Any]) -> Iterator[Finding]:
    """Warnings: nothing here ends a run by itself."""
    name = arguments.get("template")
    if not name:
        yield from _no_template(files, arguments)
    elif files.tokens is not None and (template := load_templates().get(name)) is not None:
        asked = frozenset(all_markers())
        ends = [word for word in template.stop_words if word in asked and word not in files.tokens]
        if ends and not arguments.get("resize_vocab"):
            yield _new_tokens(name, ends)
        known = {*files.tokens, *files.template_markers, *ends}
        spelt = [marker for marker in turn_markers(template) if marker in asked and marker not in known]
        if spelt:
            yield _spelt(name, spelt)


def _no_template(files: ModelFiles, arguments: Mapping[str, Any]) -> Iterator[Finding]:
    if files.has_chat_template is False and arguments.get("stage") != "pt":
        message = "no template is set, and the model has no chat template of its own: turns would have no marks"
        yield Finding(_LOC, message, "set template, such as default, or that of the model's family", "warning")


def _new_tokens(name: str, words: list[str]) -> Finding:
    message = (
        f"the template {name} ends answers with {', '.join(words)}, which is no token of this model: "
        "LLaMA-Factory adds it, and where the embedding has no row for it, the run ends"
    )
    return Finding(_LOC, message, "take the template of the model's family, or set resize_vocab: true", "warning")


def _spelt(name: str, markers: list[str]) -> Finding:
    message = (
        f"the template {name} writes {', '.join(markers)}, which this model reads letter by letter: no tokens of it"
    )
    return Finding(_LOC, message, "take the template of the model's family", "warning")
