"""The OpenAPI document: what FastAPI cannot know of our answers is added to every operation."""

from typing import Any

from fastapi import FastAPI

from server.dependencies import API
from server.http.problems import MEDIA_TYPE, Problem, responses
from server.scopes import needed_scope

_METHODS = frozenset({"get", "head", "put", "post", "delete", "patch"})


def describe(app: FastAPI) -> None:
    """Make the document state the error answers that every route may give; routes state their own (403, 404, 409)."""
    generate = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(generate())
        return generate()

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _complete(schema: dict[str, Any]) -> None:
    schemas = schema["components"].setdefault("schemas", {})
    template = "#/components/schemas/{model}"
    problem = Problem.model_json_schema(ref_template=template)
    schemas |= problem.pop("$defs") | {"Problem": problem}
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path, methods in schema["paths"].items():
        for method in _METHODS & methods.keys():
            if methods[method].get("security"):
                _tell_scope(methods[method], method, path)
            _complete_operation(methods[method])


def _tell_scope(operation: dict[str, Any], method: str, path: str) -> None:
    """In OpenAPI's own place: the roles that a security requirement names."""
    scope = needed_scope(method.upper(), path.removeprefix(API))
    operation["security"] = [{scheme: [scope.value] for scheme in way} for way in operation["security"]]


def _complete_operation(operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    if "HTTPValidationError" in str(answers.get("422")):
        del answers["422"]
    statuses = [500]
    if operation.get("security"):
        statuses += [401, 403, 414, 429, 503]
    if operation.get("parameters") or operation.get("requestBody"):
        statuses.append(422)
    if operation.get("requestBody"):
        statuses += [400, 408, 413]
    for status, answer in responses(*statuses).items():
        answers.setdefault(str(status), answer)
    for status, answer in answers.items():
        # FastAPI puts the type of the route's own answer beside ours
        if int(status) >= 400 and MEDIA_TYPE in answer.get("content", {}):
            answer["content"] = {MEDIA_TYPE: answer["content"][MEDIA_TYPE]}
    operation["responses"] = dict(sorted(answers.items()))
