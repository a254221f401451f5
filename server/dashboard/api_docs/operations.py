"""Operations of the OpenAPI document as the API's page shows them. Pure: the document in, values out."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

_METHODS = ("get", "head", "post", "put", "patch", "delete")
_REF = "#/components/schemas/"
_JSON = "application/json"
_STREAM = "text/event-stream"
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Piece:
    """A piece of a sentence: plain words, code, or the name of a schema."""

    text: str
    kind: str = "words"
    """words, code or schema."""


Words = Sequence[Piece]


@dataclass(frozen=True)
class Field:
    """A field of a schema, or a parameter of an operation."""

    name: str
    type: Words
    words: Words
    required: bool
    place: str = ""
    """Of a parameter: path, query, header."""
    example: str = ""


@dataclass(frozen=True)
class Operation:
    """An operation with all that one needs to send it."""

    id: str
    method: str
    path: str
    paragraphs: Sequence[Words]
    parameters: Sequence[Field]
    body_type: str | None
    body_fields: Sequence[Field]
    body_example: str | None
    answers: Sequence[tuple[str, Words, Words]]
    """Status, schema, description."""
    curl: str
    may_be_sent: bool
    """From the page: it takes no file, and its answer comes whole."""


@dataclass(frozen=True)
class Group:
    """The operations of a tag."""

    name: str
    operations: Sequence[Operation]


@dataclass(frozen=True)
class ShownSchema:
    """A schema with its fields."""

    name: str
    paragraphs: Sequence[Words]
    fields: Sequence[Field]
    values: Words


def groups_of(document: Schema) -> list[Group]:
    """Operations by their tags, in the document's order."""
    found: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method in (each for each in _METHODS if each in methods):
            its = methods[method]
            found.setdefault(its.get("tags", ["other"])[0], []).append(_operation(method, path, its, document))
    return [Group(name, its) for name, its in found.items()]


def schemas_of(document: Schema) -> list[ShownSchema]:
    """All schemas, by name."""
    return [
        ShownSchema(name, _paragraphs(its.get("description", "")), _fields(its), _type(its) if "enum" in its else ())
        for name, its in sorted(document["components"]["schemas"].items())
    ]


def _operation(method: str, path: str, its: Schema, document: Schema) -> Operation:
    content = its.get("requestBody", {}).get("content", {})
    body_type = _JSON if _JSON in content else next(iter(content), None)
    schema = _resolved(content[body_type].get("schema", {}), document) if body_type else {}
    example = content[body_type].get("example") if body_type else None
    body = json.dumps(example, indent=2, ensure_ascii=False) if example is not None else None
    parameters = [_parameter(each) for each in its.get("parameters", ())]
    return Operation(
        id=its["operationId"],
        method=method.upper(),
        path=path,
        paragraphs=_paragraphs(its.get("description", its.get("summary", ""))),
        parameters=parameters,
        body_type=body_type,
        body_fields=_fields(schema),
        body_example=body,
        answers=[_answer(status, answer) for status, answer in its["responses"].items()],
        curl=_curl(method.upper(), path, parameters, example),
        may_be_sent=body_type in (None, _JSON) and _STREAM not in str(its["responses"]),
    )


def _parameter(its: Schema) -> Field:
    example = its.get("example", its["schema"].get("example", its["schema"].get("default", "")))
    shown = "" if example in (None, [], {}) else str(example)
    return Field(its["name"], _type(its["schema"]), _described(its), its.get("required", False), its["in"], shown)


def _answer(status: str, its: Schema) -> tuple[str, Words, Words]:
    types = [piece for content in its.get("content", {}).values() for piece in _type(content.get("schema", {}))]
    return status, types, _described(its)


def _fields(schema: Schema) -> list[Field]:
    required = schema.get("required", ())
    return [
        Field(name, _type(its), _described(its), name in required) for name, its in schema.get("properties", {}).items()
    ]


def _resolved(schema: Schema, document: Schema) -> Schema:
    name = schema.get("$ref", "").removeprefix(_REF)
    return document["components"]["schemas"].get(name, schema) if name else schema


def _type(schema: Schema) -> Words:
    """A type in a few words."""
    if "$ref" in schema:
        return [Piece(schema["$ref"].removeprefix(_REF), "schema")]
    if "anyOf" in schema:
        return _joined([_type(option) for option in schema["anyOf"]], " or ")
    if "enum" in schema or "const" in schema:
        values = schema.get("enum") or [schema["const"]]
        return _joined([[Piece(str(value), "code")] for value in values], ", ")
    if schema.get("type") == "array":
        return [Piece("list of "), *_type(schema.get("items", {}))]
    return [Piece(str(schema.get("format") or schema.get("type") or "any"))]


def _joined(parts: Sequence[Words], between: str) -> list[Piece]:
    found: list[Piece] = []
    for number, part in enumerate(parts):
        found += [Piece(between)] if number else []
        found += part
    return found


def _described(of: Schema) -> Words:
    return _words(of.get("description") or of.get("schema", {}).get("description") or "")


def _paragraphs(text: str) -> list[Words]:
    return [_words(part) for part in re.split(r"\n\s*\n", text.strip()) if part]


def _words(text: str) -> list[Piece]:
    """Text with `code` in it, in pieces."""
    return [Piece(part, "code" if number % 2 else "words") for number, part in enumerate(_CODE.split(text)) if part]


def _curl(method: str, path: str, parameters: Sequence[Field], example: Any) -> str:
    return " \\\n  ".join(_curl_lines(method, path, parameters, example))


def _curl_lines(method: str, path: str, parameters: Sequence[Field], example: Any) -> Iterator[str]:
    wanted = [each.name for each in parameters if each.place == "query" and each.required]
    query = "?" + "&".join(f"{name}=..." for name in wanted) if wanted else ""
    shown = re.sub(r"\{(\w+)(:\w+)?\}", lambda found: f"${found[1].upper()}", path)
    chosen = "" if method == "GET" else f"-X {method} "
    yield f'curl {chosen}"$PACKTRAIN_URL{shown}{query}"'
    yield '-H "Authorization: Bearer $PACKTRAIN_TOKEN"'
    if example is not None:
        yield "-H 'Content-Type: application/json'"
        yield "-d '" + json.dumps(example, ensure_ascii=False).replace("'", "'\\''") + "'"
