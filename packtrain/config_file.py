"""A training configuration in YAML as a mapping, by PyYAML's rules, as LLaMA-Factory reads it.

It is read here only where flags are laid over a file; a file alone is sent as it stands and read by the server.
"""

import re
from typing import Any

import yaml

from packtrain.errors import Finding, InvalidInput

_TEXT = "tag:yaml.org,2002:str"
# A leading zero is octal, colons are base 60: not what the text looks like, so it is refused rather than guessed.
_SURPRISING_NUMBER = re.compile(r"[-+]?(0[0-9_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)")


def parse_config(text: str, place: tuple[str, ...]) -> dict[str, Any]:
    """The mapping in a YAML text; dates stay text, and so does `1e-4`, which the server reads by the argument's type.

    Raises InvalidInput, with `place`, line and column (from 1), for what does not parse, is no mapping, gives a key
    twice, carries a tag, or holds a number that is not read as it looks.
    """
    try:
        config = yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.MarkedYAMLError as error:
        raise _refusal(error, place) from error
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidInput([Finding(place, f"cannot be read as YAML: {error or type(error).__name__}")]) from error
    if not config:
        raise InvalidInput([Finding(place, "the YAML text is empty", "give at least model_name_or_path")])
    return dict(config)


def _refusal(error: yaml.MarkedYAMLError, place: tuple[str, ...]) -> InvalidInput:
    problem = " ".join(part for part in (error.context, error.problem) if part)
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return InvalidInput([Finding(place, problem)])
    line, column = mark.line + 1, mark.column + 1
    return InvalidInput([Finding((*place, line, column), f"line {line}, column {column}: {problem}")])


def _marked(problem: str, where: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=where.start_mark)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which refuses what would be read as something else than it looks."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs leave it open
        if getattr(event, "tag", None) is not None:
            raise _marked(f"tags such as {event.tag} are not allowed", event)
        if isinstance(event, yaml.AliasEvent) and not isinstance(self.anchors.get(event.anchor), yaml.ScalarNode):
            raise _marked("an alias may stand for one value only", event)
        return super().compose_node(parent, index)

    def construct_document(self, node: yaml.Node) -> Any:
        if not isinstance(node, yaml.MappingNode):
            raise _marked("the text must be a mapping, `name: value` on each line", node)
        return super().construct_document(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        first_lines: dict[str, int] = {}
        for key, _ in node.value:
            if key.tag != _TEXT:
                raise _marked("a key is not text, as names of arguments are: quote it if it is meant", key)
            if key.value in first_lines:
                raise _marked(f"{key.value!r} is given twice, first on line {first_lines[key.value]}", key)
            first_lines[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep=deep)

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """An int or float; refused where it is not read as it looks."""
        if _SURPRISING_NUMBER.fullmatch(node.value):
            raise _marked(f"{node.value} is not read as it looks (a leading 0 is octal): quote or rewrite it", node)
        if node.tag.endswith(":int"):
            return self.construct_yaml_int(node)
        return self.construct_yaml_float(node)

    def construct_date(self, node: yaml.ScalarNode) -> str:
        """The text as it stands: a run_name of 2026-11-21 is meant so."""
        return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_number)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_number)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_date)
