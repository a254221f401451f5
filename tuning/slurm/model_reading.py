"""Answer of the program that reads models' folders on the cluster, as values. Pure."""

from collections.abc import Mapping, Sequence

from tuning.llamafactory.model_files.described import ModelFiles
from tuning.llamafactory.model_files.tensors import read_tensors
from tuning.slurm.answers import Part

MOST_BYTES = 32 * 2**20
"""Of all headers and indices in one answer. The longest known are about 10 MB (DeepSeek V3's 90,000 tensors)."""
_MOST_LINES = 1000


def parse_models(parts: Sequence[Part], stamps: Mapping[str, str]) -> dict[str, ModelFiles]:
    """The models that were read, by path; `stamps` are of those that were asked for, in that order.

    One for which too little was left is not among them, unless it alone is too much.
    """
    by_place: dict[str, list[Part]] = {}
    for part in parts:
        by_place.setdefault(part.words[1] if len(part.words) > 1 else "", []).append(part)
    found = {}
    for place, (path, stamp) in enumerate(stamps.items()):
        said = by_place.get(str(place), [])
        words = {part.words[0] for part in said}
        if "end" in words and not ("full" in words and place):
            found[path] = _files(said, stamp)
    return found


def _files(parts: Sequence[Part], stamp: str) -> ModelFiles:
    contents: dict[str, list[bytes]] = {}
    for part in parts:
        contents.setdefault(part.words[0], []).append(part.content)
    headers = [] if "full" in contents else contents.get("header", [])
    tokens, template = _lines(contents, "tokens"), _lines(contents, "template")
    return ModelFiles(
        stamp=stamp,
        tensors=read_tensors(headers, next(iter(contents.get("index", [])), None)),
        has_chat_template=bool(template) if template is not None else None,
        template_markers=template[1:] if template else (),
        tokens=tuple(token.strip('"') for token in tokens) if tokens is not None else None,
    )


def _lines(contents: Mapping[str, Sequence[bytes]], name: str) -> tuple[str, ...] | None:
    """The lines of a part, of which there are few; None where it was not answered."""
    for content in contents.get(name, []):
        return tuple(line[:100] for line in content.decode("utf-8", "replace").split("\n")[:_MOST_LINES] if line)
    return None
