"""Every operation of the API has a call, and every call is an operation."""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints

import pytest

from container.client_types import document
from packtrain.operations import jobs, models, people, site, uploads, webhooks
from packtrain.transport.call import Call

SAMPLES: dict[str, Any] = {
    "attempt": 1, "changes": {}, "cluster_path": "/data/x", "count": 1, "cutoff_len": 1, "data": b"x",
    "events": ["warning"], "expires_at": None, "fields": {}, "file": ("x.json", b"[]"), "filters": {}, "first": 1,
    "given": {}, "kind": None, "last_id": "7", "limit": 1, "offset": 1, "path": "a/b c", "points": 10,
    "purpose": None, "save": False, "scopes": ["read"], "secret": None, "shares": 1, "since": 1, "step": 1,
    "stream": "stdout", "tail": 1, "team": None, "template": None, "training": {}, "user": None, "value": "v",
    "wait_seconds": 1,
}  # fmt: skip
NOT_OURS = {("get", "/healthz"), ("get", "/readyz"), ("get", "/metrics"), ("get", "/version")}
"""For monitoring, below no /api."""
_ID = "x-1"


def _operations() -> Iterator[tuple[str, Callable[..., Call[Any]]]]:
    for module in (jobs, models, people, site, uploads, webhooks):
        for name, make in inspect.getmembers(module, inspect.isfunction):
            if not name.startswith("_") and make.__module__ == module.__name__:
                yield name, make


def _calls() -> list[Call[Any]]:
    made = []
    for name, make in _operations():
        parameters = inspect.signature(make).parameters.values()
        given = {each.name: SAMPLES.get(each.name, _ID) for each in parameters if each.kind is not each.VAR_KEYWORD}
        keywords = {name: given.pop(name) for name in ("save",) if name in given}
        made.append(make(*given.values(), **keywords))
        if "job_id" in given and name == "event_stream":
            made.append(jobs.event_stream(None, 1, None))
    return made


def _template(call: Call[Any], templates: list[str]) -> str:
    """The path of the document that this one is of: the one with the fewest open parts."""
    fitting = [each for each in templates if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(each)), call.path)]
    if "/artifacts/" in call.path:
        return "jobs/{job_id}/artifacts/{path}"
    return min(fitting, key=lambda each: each.count("{"), default=f"none for {call.path}")


def test_every_operation_has_a_call_and_every_call_is_an_operation() -> None:
    paths: dict[str, Any] = document()["paths"]
    stated = {(method, path) for path, methods in paths.items() for method in methods if method != "head"} - NOT_OURS
    templates = [path.removeprefix("/api/v1/") for _, path in stated]
    called = {(call.method.lower(), f"/api/v1/{_template(call, templates)}") for call in _calls()}
    assert called == stated


def test_a_calls_query_is_one_that_the_api_knows() -> None:
    paths: dict[str, Any] = document()["paths"]
    templates = [path.removeprefix("/api/v1/") for path in paths]
    for call in _calls():
        stated = paths[f"/api/v1/{_template(call, templates)}"][call.method.lower()].get("parameters", [])
        known = {each["name"] for each in stated if each["in"] == "query"}
        assert set(call.query) <= known, call.path


@pytest.mark.parametrize("text", ["../tokens?x", "a/b", "%2e%2e", "a b", "日本", ""])
def test_an_id_stays_one_part_of_the_path(text: str) -> None:
    path = jobs.job(text).path
    assert path.count("/") == 1
    assert "?" not in path


def test_every_call_says_what_its_answer_is() -> None:
    for name, make in _operations():
        assert str(get_type_hints(make)["return"]).startswith("packtrain.transport.call.Call["), name
