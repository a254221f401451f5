"""The front door: where things are, for programs and for people."""

import re

from fastapi import FastAPI
from starlette.testclient import TestClient

from server.document.page import document_page


def test_the_front_door_says_where_things_are(anonymous: TestClient) -> None:
    answer = anonymous.get("/").json()
    assert answer["name"] == "packtrain"
    for name, path in answer["links"].items():
        assert (name == "api") or anonymous.get(path).status_code == 200, path


def test_the_version_is_the_documents(anonymous: TestClient, app: FastAPI) -> None:
    assert anonymous.get("/version").json() == {"name": "packtrain", "version": app.version, "api": "v1"}


def test_the_page_shows_every_operation_and_loads_nothing(anonymous: TestClient, app: FastAPI) -> None:
    answer = anonymous.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for path in app.openapi()["paths"]:
        assert f"<code>{path}</code>" in answer.text
    assert re.findall(r"<script|<link|<img|src=|https?://", answer.text) == []


def test_every_link_of_the_page_leads_somewhere(anonymous: TestClient) -> None:
    text = anonymous.get("/docs").text
    places = set(re.findall(r'id="([^"]+)"', text))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= places


def test_words_of_the_document_are_no_markup(app: FastAPI) -> None:
    document = {
        "info": {"title": "<tt>", "version": "1"},
        "paths": {
            "/<i>": {
                "get": {
                    "operationId": "x",
                    "tags": ["<u>"],
                    "description": "a `<s>` & b",
                    "responses": {"200": {"description": "<em>"}},
                }
            }
        },
        "components": {"schemas": {"A<q>": {"properties": {"<p>": {"type": "<tt>"}}}}},
    }
    page = document_page(document)
    assert re.findall(r"<(i|u|s|em|q|p|tt)>", page.replace("<p>a", "").replace("<p>For", "")) == []
    assert "<code>&lt;s&gt;</code> &amp; b" in page
