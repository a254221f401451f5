"""The API's page."""

import json
import re
import shlex
from html import unescape
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from server.dashboard.api_docs.operations import groups_of, schemas_of
from server.document.examples import EXAMPLES


def test_everybody_sees_every_operation(anonymous: TestClient, app: FastAPI) -> None:
    answer = anonymous.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    for path in app.openapi()["paths"]:
        assert f"<code>{path}</code>" in answer.text


def test_nothing_comes_from_another_host(anonymous: TestClient) -> None:
    page = re.sub(r"<pre.*?</pre>", "", anonymous.get("/docs").text, flags=re.S)
    assert [
        each for each in re.findall(r'(?:src|href)="([^"]+)"', page) if not each.startswith(("/", "#", "data:"))
    ] == []


def test_every_link_of_the_page_leads_somewhere(anonymous: TestClient) -> None:
    text = anonymous.get("/docs").text
    places = set(re.findall(r'id="([^"]+)"', text))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= places


def test_examples_are_sent_by_those_who_are_signed_in(anonymous: TestClient, signed_in: TestClient) -> None:
    assert 'class="send"' not in anonymous.get("/docs").text
    assert 'data-path="/api/v1/jobs/{job_id}/cancel"' in signed_in.get("/docs").text


def test_a_curl_line_sends_the_documents_example(app: FastAPI) -> None:
    lines = {operation.id: operation.curl for group in groups_of(app.openapi()) for operation in group.operations}
    for name, example in EXAMPLES.items():
        words = shlex.split(lines[name].replace("\\\n", " "))
        assert json.loads(words[words.index("-d") + 1]) == example


def test_words_of_the_document_are_no_markup(
    signed_in: TestClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "openapi", hostile_document)
    page = signed_in.get("/docs").text
    assert re.findall(r"<(i|u|s|em|q|tt)>", page) == []
    assert "<s>" in unescape(page)
    assert "<code>&lt;s&gt;</code> &amp; b" in page


def test_schemas_are_shown_with_their_fields() -> None:
    schemas = {schema.name: schema for schema in schemas_of(hostile_document())}
    assert [field.name for field in schemas["A<q>"].fields] == ["<p>"]


def hostile_document() -> dict[str, Any]:
    operation = {
        "operationId": "x<tt>",
        "tags": ["<u>"],
        "description": "a `<s>` & b",
        "responses": {"200": {"description": "<em>"}},
    }
    return {
        "info": {"title": "<tt>", "version": "1"},
        "paths": {"/<i>": {"get": operation}},
        "components": {"schemas": {"A<q>": {"properties": {"<p>": {"type": "<tt>"}}}}},
    }
