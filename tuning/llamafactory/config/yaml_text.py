"""LLaMA-Factory's configuration as YAML text: read as people write it, written as LLaMA-Factory reads it."""

import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import yaml

from tuning.errors import Finding, InvalidInput

MAX_CHARACTERS = 64 * 1024
MAX_DEPTH = 20
MAX_VALUES = 2_000
"""Each costs PyYAML 0.1 ms; aliases are counted too."""
FIELD = "config_yaml"

_TEXT = "tag:yaml.org,2002:str"
_SCALAR_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null"))
_RESOLVER = yaml.resolver.Resolver()
# Numbers that people do not mean: a leading zero is octal, colons are base 60. What LLaMA-Factory would read is not
# what stands there, so they are refused rather than guessed.
_SURPRISING_NUMBER = re.compile(r"[-+]?(0[0-9_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
# OmegaConf parses these when it loads a file (what it cannot parse ends it), and LLaMA-Factory never resolves them.
_REFERENCE = re.compile(r"\$\{[A-Za-z_]\w*(\.\w+)*(:[A-Za-z0-9_./-]*)?\}", re.ASCII)
# What both PyYAML and OmegaConf (whose float rule is wider: 1e5 is one) read as text without quotes.
_PLAIN_TEXT = re.compile(r"[A-Za-z/][A-Za-z0-9_./,@+-]*")

_EXPLANATIONS = (
    ("character '\\t'", "YAML does not allow tabs for indentation: use spaces"),
    (
        "mapping values are not allowed",
        "a value that holds ': ' needs quotes, and the keys of one level need the same indentation",
    ),
    ("could not find expected ':'", "every line is `name: value`, with a colon and a space"),
    ("cannot start any token", "a value that begins with one of @ ` % & * ! | > needs quotes"),
    ("while scanning a quoted scalar", "a quotation mark is opened and never closed"),
    ("expected <block end>", "the keys of one level need the same indentation"),
    ("expected ',' or", "a bracket is opened and never closed, or a comma is missing"),
    ("expected a single document", "one configuration only: remove the `---` between two"),
    ("undefined alias", "a value that begins with * needs quotes"),
)


def parse_yaml(text: str) -> dict[str, Any]:
    """The mapping that a YAML text holds, by PyYAML's rules (`1e-4` stays text: see arguments.coercion).

    Dates are left as the text they are. Raises InvalidInput, with line and column counted from 1, for what does not
    parse, is not one mapping of texts, repeats a key, carries tags other than `!!float` and its like, nests or grows
    beyond the limits of this module, or holds characters that no configuration needs.
    """
    if len(text) > MAX_CHARACTERS:
        message = f"the YAML text has {len(text)} characters; {MAX_CHARACTERS} are allowed"
        raise InvalidInput([Finding((FIELD,), message)])
    loader = _open(text)
    try:
        node = loader.get_single_node()
        config = {} if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        raise _refusal(text, error.problem_mark or error.context_mark, _problem(error)) from error
    finally:
        loader.dispose()
    if node is None:
        hint = "give at least model_name_or_path and dataset"
        raise InvalidInput([Finding((FIELD,), "the YAML text is empty", hint)])
    if findings := tuple(find_bad_text(config, (FIELD,))):
        raise InvalidInput(findings)
    return dict(config)


def to_yaml(config: Mapping[str, Any]) -> str:
    """YAML that PyYAML and OmegaConf both read back as exactly these values, in this order.

    Raises InvalidInput for what cannot travel: a broken `${` (OmegaConf would fail at it), control characters, lone
    surrogates, NUL, numbers that are not finite, and other types than text, numbers, bool, None, lists and mappings.
    """
    if findings := tuple(find_bad_text(config, ("config",))):
        raise InvalidInput(findings)
    return yaml.dump(dict(config), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)


def find_bad_text(value: Any, loc: tuple[str | int, ...]) -> Iterator[Finding]:
    """Findings for all values that `to_yaml` would refuse, each with its place."""
    if len(loc) > MAX_DEPTH:
        yield Finding(loc, f"{_name(loc[:2])} is nested deeper than {MAX_DEPTH}")
    elif isinstance(value, str):
        yield from _find_bad_characters(value, loc)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from find_bad_text(key, loc)
            yield from find_bad_text(item, (*loc, printable(str(key))))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from find_bad_text(item, (*loc, index))
    elif isinstance(value, float) and not math.isfinite(value):
        yield Finding(loc, f"{_name(loc)} is {value}, which is no finite number")
    elif value is not None and not isinstance(value, bool | int | float):
        yield Finding(loc, f"{_name(loc)} is of a type that YAML has no plain form for: {type(value).__name__}")


def printable(name: str) -> str:
    """A name that a user sent as it can be shown anywhere: not too long, nothing unprintable in it."""
    return repr(name[:200])[1:-1]


def _find_bad_characters(text: str, loc: tuple[str | int, ...]) -> Iterator[Finding]:
    if bad := _UNPRINTABLE.search(text):
        place = f"character {bad.start() + 1} of {_name(loc)}"
        yield Finding(loc, f"{place} is U+{ord(bad.group()):04X}, which no configuration may hold", "remove it")
    if "${" in _REFERENCE.sub("", text):
        message = f"{_name(loc)} holds '${{' without a plain name behind it: LLaMA-Factory cannot read that"
        yield Finding(loc, message, "write the value out")


def holds_reference(value: Any) -> bool:
    """Whether a text holds `${NAME}`, which LLaMA-Factory leaves as it stands: its reader resolves nothing."""
    return isinstance(value, str) and _REFERENCE.search(value) is not None


def _name(loc: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in loc[1:]) or "a name"


def _open(text: str) -> "_Loader":
    try:
        return _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - (text.rfind("\n", 0, error.position) + 1) + 1
        problem = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML"
        message = f"line {line}, column {column}: {problem}"
        raise InvalidInput([Finding((FIELD, line, column), message, "remove it")]) from error


def _problem(error: yaml.MarkedYAMLError) -> str:
    return " ".join(part for part in (error.context, error.problem) if part)


def _refusal(text: str, mark: Any, problem: str) -> InvalidInput:
    if mark is None:
        return InvalidInput([Finding((FIELD,), problem)])
    line, column = mark.line + 1, mark.column + 1
    hint = next((hint for part, hint in _EXPLANATIONS if part in problem), None)
    lines = text.splitlines()
    nearby = "".join(lines[max(0, line - 2) : line])
    if wide := next((character for character in "：\u3000" if character in nearby), None):
        hint = f"there is a full-width {wide!r} here: YAML needs the plain one"
    return InvalidInput([Finding((FIELD, line, column), f"line {line}, column {column}: {problem}", hint)])


def _is_plain_tag(tag: str, event: Any) -> bool:
    """YAML's own types of one value, which LLaMA-Factory reads: `!!float 1e-5`."""
    return isinstance(event, yaml.ScalarEvent) and tag in _SCALAR_TAGS


def _marked(problem: str, where: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=where.start_mark)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which also refuses what would surprise or cost too much."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0
        self._values = 0
        self._repeated_characters = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs leave it open
        self._values += 1
        self._depth += 1
        if self._values > MAX_VALUES:
            raise _marked(f"more than {MAX_VALUES} values", event)
        if self._depth > MAX_DEPTH:
            raise _marked(f"nested deeper than {MAX_DEPTH}", event)
        if (tag := getattr(event, "tag", None)) is not None and not _is_plain_tag(tag, event):
            raise _marked(f"tags such as {tag[:100]} are not allowed", event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if isinstance(event, yaml.AliasEvent):
            self._count_alias(node, event)
        return node

    def _count_alias(self, node: yaml.Node | None, event: Any) -> None:
        if not isinstance(node, yaml.ScalarNode):
            # an alias of a collection is what a billion-laughs text is made of; of one value it is harmless
            raise _marked("an alias may stand for one value only", event)
        self._repeated_characters += len(node.value)
        if self._repeated_characters > MAX_CHARACTERS:
            raise _marked(f"aliases repeat more than {MAX_CHARACTERS} characters", event)

    def construct_document(self, node: yaml.Node) -> Any:
        if not isinstance(node, yaml.MappingNode):
            raise _marked("the text must be a mapping, `name: value` on each line", node)
        return super().construct_document(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        first_lines: dict[str, int] = {}
        for key, _ in node.value:
            if key.tag != _TEXT:
                shown = repr(key.value) if isinstance(key, yaml.ScalarNode) else "here"
                raise _marked(f"the key {shown} is not text, as names of arguments are: quote it if it is meant", key)
            if key.value in first_lines:
                raise _marked(f"{key.value!r} is given twice, first on line {first_lines[key.value]}", key)
            first_lines[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep=deep)

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """An int or float; what PyYAML's own constructors choke on (`0x_`, 5,000 digits) is refused with its place."""
        if _SURPRISING_NUMBER.fullmatch(node.value):
            rules = "a leading 0 is octal and colons are base 60"
            raise _marked(f"{node.value} is not read as it looks ({rules}): quote or rewrite it", node)
        try:
            if node.tag.endswith(":int"):
                return self.construct_yaml_int(node)
            return self.construct_yaml_float(node)
        except (ValueError, IndexError) as error:  # the second for `!!int ""`
            raise _marked(f"{node.value[:40]!r} is no number that can be read", node) from error

    def construct_bool(self, node: yaml.ScalarNode) -> bool:
        """A truth value; `!!bool perhaps` is refused with its place."""
        if node.value.lower() not in self.bool_values:
            raise _marked(f"{node.value[:40]!r} is neither true nor false", node)
        return self.construct_yaml_bool(node)

    def construct_date(self, node: yaml.ScalarNode) -> str:
        """The text as it stands: a run_name of 2026-11-21 is meant so, and OmegaConf has no dates at all."""
        return str(node.value)

    def scan_flow_scalar_non_spaces(self, double: bool, start_mark: Any) -> list[Any]:
        try:
            return super().scan_flow_scalar_non_spaces(double, start_mark)
        except (ValueError, OverflowError) as error:  # "\UFFFFFFFF": PyYAML hands it to chr() unchecked
            problem = "an escape names a character that does not exist"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=start_mark) from error


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_number)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_number)
_Loader.add_constructor("tag:yaml.org,2002:bool", _Loader.construct_bool)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_date)


class _Dumper(yaml.CSafeDumper):
    """PyYAML's safe dumper, without anchors, and with quotes around every text that is not plainly one.

    The one in C (it comes with PyYAML's wheels): ten times as fast, and a batch of 200 jobs is written in one go.
    """

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, data: str) -> yaml.Node:
        is_plain = _PLAIN_TEXT.fullmatch(data) and _reads_as_text(data)
        return self.represent_scalar(_TEXT, data, style=None if is_plain else '"')


@lru_cache(maxsize=1024)
def _reads_as_text(plain: str) -> bool:
    """Whether PyYAML reads these characters, without quotes, as a text. Kept: all jobs have nearly the same words."""
    tag = _RESOLVER.resolve(yaml.ScalarNode, plain, (True, False))  # type: ignore[no-untyped-call]  # stubs again
    return bool(tag == _TEXT)


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_representer(tuple, yaml.SafeDumper.represent_list)
