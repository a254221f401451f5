"""The OpenAPI document as one HTML page, without any script. Pure: the document in, text out."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

Schema = Mapping[str, Any]

_METHODS = ("get", "head", "post", "put", "patch", "delete")
_REF = "#/components/schemas/"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
code, pre { font: 13px/1.4 ui-monospace, monospace; background: #f3f3f1 }
pre { padding: .6rem; overflow-x: auto }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 }
td, th { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #e4e4e0 }
h2 { margin-top: 2.5rem; border-bottom: 2px solid #222 } h3 { margin: 1.8rem 0 .3rem } h3 b { color: #8a4b00 }
nav a { margin-right: 1rem }
@media (prefers-color-scheme: dark) { body { background: #191919; color: #ddd } code, pre { background: #262626 }
  td, th { border-color: #3a3a3a } h2 { border-color: #ddd } h3 b { color: #f0a860 } a { color: #8ab4f8 } }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'"
"""No script runs on this page, whatever gets into it."""


def document_page(document: Schema) -> str:
    """The whole page."""
    title = f"{document['info']['title']} {document['info']['version']}"
    by_tag = _by_tag(document)
    links = [_link(tag) for tag in [*by_tag, "schemas"]]
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>",
        '<p>For programs: <a href="/openapi.json">/openapi.json</a>.',
        "Send <code>Authorization: Bearer TOKEN</code>.</p>",
        f"<nav>{''.join(links)}</nav>",
        *(part for tag, its in by_tag.items() for part in _section(tag, its)),
        '<h2 id="schemas">schemas</h2>',
        *(part for name, its in sorted(document["components"]["schemas"].items()) for part in _schema(name, its)),
        "</body></html>",
    ]
    return "\n".join(parts)


def _link(place: str) -> str:
    return f'<a href="#{escape(place)}">{escape(place)}</a>'


Operation = tuple[str, str, Schema]


def _by_tag(document: Schema) -> dict[str, list[Operation]]:
    found: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                tag = methods[method].get("tags", ["other"])[0]
                found.setdefault(tag, []).append((method, path, methods[method]))
    return found


def _section(tag: str, its: list[Operation]) -> Iterator[str]:
    yield f'<h2 id="{escape(tag)}">{escape(tag)}</h2>'
    for method, path, operation in its:
        yield f'<h3 id="{escape(operation["operationId"])}"><b>{method.upper()}</b> <code>{escape(path)}</code></h3>'
        yield from _paragraphs(operation.get("description", operation.get("summary", "")))
        yield from _parameters(operation.get("parameters", ()))
        yield from _body(operation.get("requestBody", {}).get("content", {}))
        yield from _answers(operation["responses"])


def _parameters(parameters: Any) -> Iterator[str]:
    rows = [
        (f"<code>{escape(each['name'])}</code>", each["in"], _type(each["schema"]), _described(each))
        for each in parameters
    ]
    yield from _table(("parameter", "in", "type", ""), rows)


def _body(content: Schema) -> Iterator[str]:
    for media_type, its in content.items():
        yield f"<p>Body, <code>{escape(media_type)}</code>: {_type(its.get('schema', {}))}</p>"
        yield from _table(("field", "type", ""), _fields(its.get("schema", {})))
        if "example" in its:
            yield f"<pre>{escape(json.dumps(its['example'], indent=2, ensure_ascii=False))}</pre>"


def _answers(answers: Schema) -> Iterator[str]:
    rows = [
        (
            status,
            " ".join(_type(its.get("schema", {})) for its in answer.get("content", {}).values()),
            _described(answer),
        )
        for status, answer in answers.items()
    ]
    yield from _table(("status", "answer", ""), rows)


def _schema(name: str, schema: Schema) -> Iterator[str]:
    yield f'<h3 id="schema-{escape(name)}">{escape(name)}</h3>'
    yield from _paragraphs(schema.get("description", ""))
    if "enum" in schema:
        yield f"<p>{_type(schema)}</p>"
    yield from _table(("field", "type", ""), _fields(schema))


def _fields(schema: Schema) -> list[tuple[str, ...]]:
    required = schema.get("required", ())
    return [
        (f"<code>{escape(field)}</code>{' (required)' if field in required else ''}", _type(its), _described(its))
        for field, its in schema.get("properties", {}).items()
    ]


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Nothing, where there are no rows. Cells are HTML already."""
    if not rows:
        return
    yield f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>"
    for row in rows:
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>"
    yield "</table>"


def _type(schema: Schema) -> str:
    """A type in a few words, as HTML."""
    if "$ref" in schema:
        name = escape(schema["$ref"].removeprefix(_REF))
        return f'<a href="#schema-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(option) for option in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        values = schema.get("enum") or [schema["const"]]
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in values)
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return escape(str(schema.get("format") or schema.get("type") or "any"))


def _described(of: Schema) -> str:
    return _inline(of.get("description") or of.get("schema", {}).get("description") or "")


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in filter(None, re.split(r"\n\s*\n", text.strip())):
        yield f"<p>{_inline(paragraph)}</p>"


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
