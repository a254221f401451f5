"""The client's types are what the OpenAPI document says."""

import pytest

from container.client_types import FILE, document, formatted, render


def test_the_clients_types_are_those_of_the_api() -> None:
    assert FILE.read_text(encoding="utf-8") == formatted(render(document())), "run `make types`"


@pytest.mark.parametrize(
    ("schema", "line"),
    [
        ({"type": "string", "format": "date-time"}, "field: str"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "field: int | None"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/JobJson"}}, 'field: list["Job"]'),
        ({"anyOf": [{"$ref": "#/components/schemas/Failure"}, {"type": "null"}]}, 'field: "Failure | None"'),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "field: dict[str, int]"),
        ({"type": "object", "additionalProperties": True}, "field: dict[str, Any]"),
        ({"enum": ["a", "b"], "type": "string"}, 'field: Literal["a", "b"]'),
        ({}, "field: Any"),
    ],
)
def test_a_schema_has_a_type(schema: dict[str, object], line: str) -> None:
    answer = {"type": "object", "properties": {"field": schema}, "required": ["field"]}
    text = render({"components": {"schemas": {"Thing": answer}}})
    assert "class Thing(TypedDict):" in text
    assert f"    {line}\n" in text


def test_what_may_be_missing_says_so() -> None:
    answer = {"type": "object", "properties": {"field": {"type": "boolean", "description": "Perhaps."}}}
    text = render({"components": {"schemas": {"Thing": answer}}})
    assert '    field: NotRequired[bool]\n    """Perhaps."""\n' in text


def test_a_schema_without_a_type_is_told() -> None:
    answer = {"type": "object", "properties": {"field": {"type": "tuple"}}}
    with pytest.raises(KeyError, match="tuple"):
        render({"components": {"schemas": {"Thing": answer}}})
