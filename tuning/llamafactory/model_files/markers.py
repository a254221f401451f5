"""Markers that chat templates write around turns, such as <|im_start|>: tokens of the models that they are made for."""

import functools
import re

from tuning.llamafactory.preview.templates import Template, load_templates

_MARKER = re.compile(r"<[|｜][^<>\s]{1,60}>|<[^<>\s]{1,60}[|｜]>|<(?:start|end)_of_turn>")
_TURNS = ("system", "user", "assistant")


def turn_markers(template: Template) -> tuple[str, ...]:
    """The markers of its turns, without those of tools and the words at which an answer ends."""
    texts = (piece for kind in _TURNS for piece in template.slots[kind] if isinstance(piece, str))
    found = dict.fromkeys(marker for text in texts for marker in _MARKER.findall(text))
    return tuple(marker for marker in found if marker not in template.stop_words)


@functools.cache
def all_markers() -> tuple[str, ...]:
    """Of all templates, the words at which answers end included."""
    templates = load_templates().values()
    return tuple(
        sorted(
            {marker for each in templates for marker in (*turn_markers(each), *each.stop_words) if _is_plain(marker)}
        )
    )


def _is_plain(marker: str) -> bool:
    """Nothing that a line or a JSON text would write otherwise."""
    return marker.isprintable() and not set(marker) & set('"\\')
